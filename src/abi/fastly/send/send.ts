/** Requests that leave: to a back-end, whole or while their body is still written. */
import type { ReadBody } from '../../../http/body.ts';
import type { Body } from '../../objects/body.ts';
import type { ReadyItem } from '../../objects/ready.ts';
import { type Steps, wait } from '../../steps.ts';
import { answering, text, waiting } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import { FastlyFault, type Given } from '../status.ts';
import { findBackend } from './backend.ts';
import { type Outgoing, takeBody } from './outgoing.ts';
import { giveReply, type ReplyPlace, requireReplyPlace } from './reply.ts';
import { backendRequests } from './under-way.ts';

const message = [['h', 'handle'], ['b', 'handle'], ...text('backend')] as const;
const reply = [
  ['response', 'out_handle'],
  ['body', 'out_handle'],
] as const;

interface Sent {
  readonly handle: number;
  readonly body: number;
  readonly namePtr: number;
  readonly nameLen: number;
}

export const sendHostcalls = [
  waiting({
    name: 'send',
    params: [...message, ...reply],
    spec: '#sending',
    meaning: 'waits for the head of the reply',
    act: (guest, handle, b, namePtr, nameLen, response, body) =>
      send(guest, { handle, body: b, namePtr, nameLen }, { response, body, detail: 0 }),
  }),

  waiting({
    name: 'send_v2',
    params: [...message, ['error_detail', 'address'], ...reply],
    spec: '#sending',
    act: (guest, handle, b, namePtr, nameLen, detail, response, body) =>
      send(guest, { handle, body: b, namePtr, nameLen }, { response, body, detail }),
  }),

  waiting({
    name: 'send_v3',
    params: [...message, ['error_detail', 'address'], ...reply],
    spec: '#sending',
    meaning: 'past the cache',
    act: (guest, handle, b, namePtr, nameLen, detail, response, body) =>
      send(guest, { handle, body: b, namePtr, nameLen }, { response, body, detail }, true),
  }),

  answering({
    name: 'send_async',
    params: [...message, ['pending_request', 'out_handle']],
    spec: '#sending',
    meaning: 'does not wait',
    act: (guest, handle, body, namePtr, nameLen, ptr) =>
      sendAsync(guest, { handle, body, namePtr, nameLen }, { ptr, isStreaming: false }),
  }),

  answering({
    name: 'send_async_v2',
    params: [...message, ['streaming', 'number'], ['pending_request', 'out_handle']],
    spec: '#sending',
    meaning: 'past the cache',
    act: (guest, handle, body, namePtr, nameLen, streaming, ptr) =>
      sendAsync(
        guest,
        { handle, body, namePtr, nameLen },
        { ptr, isStreaming: streaming === 1, isPastCache: true },
      ),
  }),

  answering({
    name: 'send_async_streaming',
    params: [...message, ['pending_request', 'out_handle']],
    spec: '#sending',
    meaning: '`b` becomes the write end of the transfer',
    act: (guest, handle, body, namePtr, nameLen, ptr) =>
      sendAsync(guest, { handle, body, namePtr, nameLen }, { ptr, isStreaming: true }),
  }),
];

function* send(
  guest: FastlyGuest,
  sent: Sent,
  place: ReplyPlace,
  isPastCache = false,
): Steps<Given> {
  requireReplyPlace(guest, place);
  const outgoing = { ...take(guest, sent, takeBody), isPastCache };
  const request = guest.run.of(backendRequests).start(outgoing);
  yield* wait(request.whenReady());
  return giveReply(guest, request, place);
}

interface AsyncOptions {
  readonly ptr: number;
  readonly isStreaming: boolean;
  readonly isPastCache?: boolean;
}

function sendAsync(
  guest: FastlyGuest,
  sent: Sent,
  { ptr, isPastCache = false, isStreaming }: AsyncOptions,
): void {
  guest.requireRange(ptr, 4);
  const requests = guest.run.of(backendRequests);
  requests.table.requireRoom();
  const outgoing = isStreaming ? takeStreaming(guest, sent) : take(guest, sent, takeBody);
  guest.writeU32(ptr, requests.table.add(requests.start({ ...outgoing, isPastCache })));
}

function takeStreaming(guest: FastlyGuest, sent: Sent): Outgoing {
  let written: ReadyItem | undefined;
  const outgoing = take(guest, sent, (body) => {
    const reading = body.startStreaming();
    written = reading;
    return reading;
  });
  return { ...outgoing, written };
}

/**
 * Consumes request and body; a body that is still written keeps its handle.
 *
 * @throws HandleError; FastlyFault `inval` where there is no such back-end, and nothing is consumed
 */
function take(
  guest: FastlyGuest,
  { handle, body: bodyHandle, namePtr, nameLen }: Sent,
  open: (body: Body) => Uint8Array | ReadBody,
): Outgoing {
  const { run } = guest;
  const request = run.requests.get(handle);
  const body = run.bodies.get(bodyHandle);
  if (body.isStreaming) throw new FastlyFault('badf');
  const { name, backend } = findBackend(guest, namePtr, nameLen);
  const opened = open(body);
  // What it holds is held until there is a reply: it may wait for its body.
  run.requests.drop(handle);
  if (!body.isStreaming) run.bodies.drop(bodyHandle);
  return { request, body: opened, name, backend };
}
