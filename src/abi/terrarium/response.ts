/**
 * Hostcalls about responses: setters for the outgoing one (handle 0), getters for fetched ones.
 * The other way round is misuse: setters answer 1, getters give nothing, the status is 0 (A12).
 */

import { inBytes } from '../../amounts.ts';
import { isFinalStatus } from '../../http/status.ts';
import { pieceBytes, readPieces, type Steps } from '../steps.ts';
import { headerName, headerValues, hostcall, outBytes, outList } from './declare.ts';
import type { TerrariumGuest } from './guest.ts';
import { Misuse } from './misuse.ts';
import type { FetchedReply } from './outbound-state.ts';
import type { OutgoingReply } from './run.ts';

interface MemoryRange {
  readonly ptr: number;
  readonly len: number;
}

const responseOutgoing = 0;
const ok = 0;
const invalid = 1;

/** About responses that have been fetched. */
export const fetchedHostcalls = [
  hostcall({
    name: 'hostcall_resp_get_response_code',
    params: [['response', 'handle']],
    results: [['code', 'number']],
    waits: false,
    meaning: '',
    spec: 'A12',
    call: (guest) => (handle) => guest.answer(0, () => findFetched(guest, handle).status),
  }),

  hostcall({
    name: 'hostcall_resp_get_headers',
    params: [...outList, ['response', 'handle']],
    results: [],
    waits: true,
    meaning: 'the list of names, in lower case, each once',
    spec: 'A4',
    call: (guest) => (ptr, len, handle) => {
      const out = { ptr, len };
      return guest.give(out, () =>
        guest.giveList(out, [...findFetched(guest, handle).headers.keys()]),
      );
    },
  }),

  hostcall({
    name: 'hostcall_resp_get_header',
    params: [...outList, ['response', 'handle'], ...headerName],
    results: [],
    waits: true,
    meaning: 'the list of values of that name, whatever its case',
    spec: 'A4',
    call: (guest) => (ptr, len, handle, namePtr, nameLen) => {
      const out = { ptr, len };
      return guest.give(out, () => {
        const name = guest.readText(namePtr, nameLen, guest.limits.headerBytesMax);
        const { headers } = findFetched(guest, handle);
        return guest.giveList(out, headers.get(name.toLowerCase()) ?? []);
      });
    },
  }),

  hostcall({
    name: 'hostcall_resp_get_body',
    params: [...outBytes, ['response', 'handle']],
    results: [],
    waits: true,
    meaning: 'the whole body, every time',
    spec: 'A10',
    call: (guest) => (ptr, len, handle) => {
      const out = { ptr, len };
      return guest.give(out, () => guest.giveBytes(out, findFetched(guest, handle).body));
    },
  }),
];

/** About the answer to the visitor. */
export const outgoingHostcalls = [
  hostcall({
    name: 'hostcall_resp_set_response_code',
    params: [
      ['response', 'handle'],
      ['code', 'signed'],
    ],
    results: [['status', 'status']],
    waits: false,
    meaning: '200 to 599; the last one stands',
    spec: 'A2, A8',
    call: (guest) => (handle, status) =>
      guest.answer(invalid, () => {
        const reply = findOutgoing(guest, handle);
        if (!isFinalStatus(status)) {
          throw new Misuse('Cannot set the status: 200 to 599', String(status));
        }
        reply.status = status;
        return ok;
      }),
  }),

  hostcall({
    name: 'hostcall_resp_set_header',
    params: [['response', 'handle'], ...headerName, ...headerValues],
    results: [['status', 'status']],
    waits: true,
    meaning:
      'replaces all values; each becomes a line of its own; an empty list removes the header',
    spec: 'A3, A9, A14',
    call: (guest) => (handle, namePtr, nameLen, valuesPtr, valueCount) =>
      guest.answer(invalid, () => {
        const { replyHeadersMax, replyHeaderBytesMax } = guest.limits;
        const limits = { linesMax: replyHeadersMax, bytesMax: replyHeaderBytesMax };
        const { headers } = findOutgoing(guest, handle);
        const name = guest.readText(namePtr, nameLen, limits.bytesMax);
        headers.set(name, guest.readTexts(valuesPtr, valueCount, limits));
        return ok;
      }),
  }),

  hostcall({
    name: 'hostcall_resp_set_body',
    params: [
      ['response', 'handle'],
      ['body', 'bytes'],
      ['body_len', 'length'],
    ],
    results: [['status', 'status']],
    waits: true,
    meaning: 'replaces the body',
    spec: 'A1',
    /**
     * One past the limit is refused, and unless another follows there is no answer: a guest that
     * ignores the result would else send a good status and no body.
     */
    call: (guest) => (handle, ptr, len) =>
      len >>> 0 > pieceBytes
        ? guest.answerInSteps(invalid, () => setLargeBody(guest, handle, { ptr, len }))
        : guest.answer(invalid, () => {
            const { reply, length } = openBody(guest, handle, { ptr, len });
            reply.setBody(readSmallBody(guest, { ptr, len: length }, reply.storageFor(length)));
            return ok;
          }),
  }),
];

function readSmallBody(
  guest: TerrariumGuest,
  { ptr, len }: MemoryRange,
  storage: Uint8Array,
): Uint8Array {
  if (storage.length < len) return guest.memory.readBytesPooled(ptr, len, len);
  const bytes = storage.subarray(0, len);
  guest.memory.readInto(bytes, ptr);
  return bytes;
}

function* setLargeBody(guest: TerrariumGuest, handle: number, place: MemoryRange): Steps<number> {
  const { reply, length } = openBody(guest, handle, place);
  const range = { ptr: place.ptr, len: length };
  reply.setBody(yield* readPieces(guest.memory, range, reply.storageFor(length)));
  return ok;
}

/**
 * The reply to set, and the length of its new body.
 *
 * @throws Misuse past the limit
 */
function openBody(
  guest: TerrariumGuest,
  handle: number,
  { ptr, len }: MemoryRange,
): { readonly reply: OutgoingReply; readonly length: number } {
  const reply = findOutgoing(guest, handle);
  guest.memory.requireRange(ptr, len);
  const length = len >>> 0;
  const bytesMax = guest.limits.replyBodyBytesMax;
  const isTooLarge = length > bytesMax;
  if (!isTooLarge && mayHold(guest, reply, length)) return { reply, length };
  reply.body = undefined;
  reply.refusal = isTooLarge ? 'reply-too-large' : 'overloaded';
  const rule = isTooLarge ? `at most ${inBytes(bytesMax)}` : 'memory is short';
  throw new Misuse(`Cannot set the body: ${rule}`, `${length} bytes`);
}

/** The largest body so far stays as storage. */
function mayHold(guest: TerrariumGuest, reply: OutgoingReply, length: number): boolean {
  const more = length - reply.heldBytes;
  if (more <= 0 || length <= pieceBytes) return true;
  if (guest.run.hostMemory?.tryHold(more) === false) return false;
  reply.heldBytes = length;
  return true;
}

function findFetched(guest: TerrariumGuest, handle: number): FetchedReply {
  return guest.run.outbound.replies.get(handle);
}

function findOutgoing(guest: TerrariumGuest, handle: number): OutgoingReply {
  if (handle !== responseOutgoing) {
    throw new Misuse('Cannot change a response: only the outgoing one, 0', String(handle));
  }
  return guest.run.reply;
}
