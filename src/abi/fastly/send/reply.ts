/** The reply of a back-end as it becomes the guest's: a response, a body, or why there is none. */
import type { ReplyStart, StreamedReply } from '../../../capability/fetch/contract.ts';
import { HeaderMap } from '../../objects/headers.ts';
import { ResponseObject } from '../../objects/messages.ts';
import type { FastlyGuest } from '../guest.ts';
import { noHandle } from '../run.ts';
import { type Status, status } from '../status.ts';
import { requireDetail, statusOf, writeDetail } from './error-detail.ts';
import type { BackendRequest } from './under-way.ts';

/** Where the guest wants the two handles, and in the newer functions why there is no reply. */
export interface ReplyPlace {
  readonly response: number;
  readonly body: number;
  /** 0: it does not want to know. */
  readonly detail: number;
}

/** Before anything is consumed. @throws FastlyFault */
export function requireReplyPlace(
  guest: FastlyGuest,
  { response, body, detail }: ReplyPlace,
): void {
  requireDetail(guest, detail);
  guest.requireRange(response, 4);
  guest.requireRange(body, 4);
}

/** Gives the reply of a request that has come to its end, and forgets it. */
export function giveReply(guest: FastlyGuest, request: BackendRequest, place: ReplyPlace): Status {
  const { outcome } = request;
  if (outcome === undefined) throw new Error('Cannot give the reply: it is still to come');
  request.releaseHead(guest.run.held);
  if (outcome.kind === 'failed') return giveFailure(guest, outcome.error, place);
  const handles = openReply(guest, request, outcome.value);
  writeDetail(guest, place.detail);
  guest.writeU32(place.response, handles.response);
  guest.writeU32(place.body, handles.body);
  return status.ok;
}

/** What stands there while there is no reply. */
export function giveNoReply(guest: FastlyGuest, place: ReplyPlace): void {
  guest.writeU32(place.response, noHandle);
  guest.writeU32(place.body, noHandle);
}

function giveFailure(guest: FastlyGuest, error: unknown, { detail }: ReplyPlace): Status {
  const { fetch, log } = guest.run.capabilities;
  const fault = fetch.faultOf(error);
  log.write('warn', error instanceof Error ? error.message : String(error));
  writeDetail(guest, detail, fault);
  return statusOf(fault);
}

/** The reply is dropped where the run has too much already. @throws HandleError, ObjectError */
function openReply(
  { run }: FastlyGuest,
  { isHttp2 }: BackendRequest,
  reply: StreamedReply,
): { readonly response: number; readonly body: number } {
  try {
    const response = responseOf(reply, run.headerLimits);
    if (isHttp2) response.version = '2';
    run.bodies.requireRoom();
    run.responses.requireRoom();
    run.held.hold(response.headers.heldBytes);
    return {
      response: run.responses.add(response),
      body: run.bodies.add(run.newBody(reply.body)),
    };
  } catch (error) {
    reply.body.cancel();
    throw error;
  }
}

export function responseOf(
  { status: code, headers, server }: ReplyStart,
  limits: ConstructorParameters<typeof HeaderMap>[0],
): ResponseObject {
  return new ResponseObject({ status: code, headers: HeaderMap.of(headers, limits), server });
}
