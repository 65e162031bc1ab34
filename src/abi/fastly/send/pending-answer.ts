/** A request under way as the answer to the visitor, and what is changed of it before. */
import { Buffer } from 'node:buffer';
import type { Fetch } from '../../../capability/fetch/contract.ts';
import type { ReadBody } from '../../../http/body.ts';
import { isLeftToDaemon } from '../../../http/connection-headers.ts';
import { isFieldValue } from '../../../http/fields.ts';
import type { LateReply } from '../../../http/late-reply.ts';
import { isToken } from '../../../http/token.ts';
import { type HeaderLimits, HeaderMap, heldBytesOfLine } from '../../objects/headers.ts';
import { answering, text } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import { readBytesMax, readName } from '../message-headers.ts';
import { FastlyFault, type Given, status } from '../status.ts';
import { ofBytes } from './outgoing.ts';
import { type BackendRequest, backendRequests, type EditTarget } from './under-way.ts';

/** In the order of their numbers. */
const targetLists: readonly (readonly EditTarget[])[] = [
  ['response', 'failure'],
  ['response'],
  ['failure'],
];
const noReplyStatus = 503;

export const pendingEditHostcalls = [
  answering({
    name: 'pending_req_header_insert',
    params: [['h', 'handle'], ...text('name'), ...text('value'), ['target', 'number']],
    spec: '#requests-under-way',
    meaning: '`target` 0: of any answer, 1: of the reply, 2: of the word that there is none',
    act: (guest, handle, namePtr, nameLen, ptr, len, target) => {
      const { request, name, targets } = readEdit(guest, { handle, namePtr, nameLen, target });
      const value = readValue(guest, ptr, len);
      const change = (headers: HeaderMap): void => headers.set(name, [value]);
      request.edit({ targets, change, heldBytes: heldBytesOfLine(name, value) }, guest.run.held);
    },
  }),

  answering({
    name: 'pending_req_header_append',
    params: [['h', 'handle'], ...text('name'), ...text('value'), ['target', 'number']],
    spec: '#requests-under-way',
    act: (guest, handle, namePtr, nameLen, ptr, len, target) => {
      const { request, name, targets } = readEdit(guest, { handle, namePtr, nameLen, target });
      const value = readValue(guest, ptr, len);
      const change = (headers: HeaderMap): void => headers.append(name, value);
      request.edit({ targets, change, heldBytes: heldBytesOfLine(name, value) }, guest.run.held);
    },
  }),

  answering({
    name: 'pending_req_header_remove',
    params: [['h', 'handle'], ...text('name'), ['target', 'number']],
    spec: '#requests-under-way',
    act: (guest, handle, namePtr, nameLen, target) => {
      const { request, name, targets } = readEdit(guest, { handle, namePtr, nameLen, target });
      const change = (headers: HeaderMap): void => void headers.remove(name);
      request.edit({ targets, change, heldBytes: heldBytesOfLine(name, '') }, guest.run.held);
    },
  }),
];

export const pendingAnswerHostcalls = [
  answering({
    name: 'send_downstream_pending',
    params: [['handle', 'handle']],
    spec: '#requests-under-way',
    meaning: 'consumes it; the run need not wait',
    act: (guest, handle): Given => {
      const { run } = guest;
      const requests = run.of(backendRequests);
      const request = requests.table.get(handle);
      if (run.exchange.replyState !== 'none') return status.error;
      requests.table.drop(handle);
      requests.letGo(request);
      request.releaseHead(run.held);
      const { fetch } = run.capabilities;
      const limits = run.headerLimits;
      run.exchange.sendLater((signal) => answerOf(request, { fetch, limits, signal }));
      return status.ok;
    },
  }),
];

interface EditArguments {
  readonly handle: number;
  readonly namePtr: number;
  readonly nameLen: number;
  readonly target: number;
}

/** @throws HandleError, FastlyFault */
function readEdit(guest: FastlyGuest, { handle, namePtr, nameLen, target }: EditArguments) {
  const request = guest.run.of(backendRequests).table.get(handle);
  const targets = targetLists[target >>> 0];
  if (targets === undefined) throw new FastlyFault('inval');
  const name = readName(guest, namePtr, nameLen);
  if (!isToken(name)) throw new FastlyFault('error');
  return { request, name, targets };
}

function readValue(guest: FastlyGuest, ptr: number, len: number): string {
  const value = guest.readLatin1(ptr, len, readBytesMax(guest));
  if (!isFieldValue(value)) throw new FastlyFault('error');
  return value;
}

interface AnswerParts {
  readonly fetch: Pick<Fetch, 'faultOf'>;
  readonly limits: HeaderLimits;
  /** The visitor has gone. */
  readonly signal: AbortSignal;
}

/** The back-end's reply as it is, or the word that there is none. */
async function answerOf(
  request: BackendRequest,
  { fetch, limits, signal }: AnswerParts,
): Promise<LateReply> {
  const giveUp = (): void => request.giveUp();
  signal.addEventListener('abort', giveUp, { once: true });
  await request.whenReady();
  signal.removeEventListener('abort', giveUp);
  const { outcome } = request;
  if (outcome?.kind === 'done') {
    const { status: code, headers, body } = outcome.value;
    const fields = HeaderMap.of(headers, limits);
    request.applyEdits(fields, 'response');
    return { head: { status: code, headers: forVisitor(fields) }, body };
  }
  const { type } = fetch.faultOf(outcome?.error);
  const fields = new HeaderMap(limits);
  fields.set('content-type', ['text/plain; charset=utf-8']);
  request.applyEdits(fields, 'failure');
  return { head: { status: noReplyStatus, headers: forVisitor(fields) }, body: sentence(type) };
}

function forVisitor(fields: HeaderMap) {
  return fields.lines().filter(([name]) => !isLeftToDaemon(name.toLowerCase()));
}

function sentence(type: string): ReadBody {
  const bytes = Buffer.from(`No answer: the server that was asked did not give one (${type})\n`);
  return { knownBytes: bytes.length, ...ofBytes(bytes) };
}
