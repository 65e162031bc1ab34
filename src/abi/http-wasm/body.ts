/** Bodies of both messages, read and written in pieces. */
import { TerrafirmaError } from '../../errors.ts';
import { ObjectError } from '../objects/object-error.ts';
import { readPieces, type Steps, wait, writePieces } from '../steps.ts';
import { hostcall } from './declare.ts';
import type { HandlerGuest } from './guest.ts';
import type { MessageBody } from './message-body.ts';
import { requireChangeable, requireReadable, type Side } from './phases.ts';

const sides = ['request', 'response'] as const satisfies readonly Side[];
/** In the upper half of what `read_body` answers. */
const atEnd = 1n << 32n;

function sideOf(guest: HandlerGuest, kind: number): Side {
  const side = sides[kind >>> 0];
  return side ?? guest.trap(`Cannot look at a body: its kind is 0 or 1: received ${kind >>> 0}`);
}

export const bodyHostcalls = [
  hostcall({
    name: 'read_body',
    params: [
      ['kind', 'number'],
      ['buf', 'room'],
      ['buf_limit', 'length'],
    ],
    results: [['eof_len', 'number64']],
    waits: true,
    meaning: 'waits until `buf` is full or the body has ended; bit 32 says that it has',
    spec: '',
    call: (guest) => (kind, ptr, limit) => {
      const side = sideOf(guest, kind);
      requireReadable(guest, side);
      if (limit === 0)
        guest.trap('Cannot read a body: the room must be 1 byte or more: received 0');
      guest.memory.requireRange(ptr, limit);
      return fill(guest, guest.run[side].body, { ptr: ptr >>> 0, bytesMax: limit >>> 0 });
    },
  }),
  hostcall({
    name: 'write_body',
    params: [
      ['kind', 'number'],
      ['body', 'bytes'],
      ['body_len', 'length'],
    ],
    results: [],
    waits: true,
    meaning: 'the first call takes the place of what was there, the others add',
    spec: '',
    call: (guest) => (kind, ptr, len) => {
      const side = sideOf(guest, kind);
      requireChangeable(guest, side, `write the body of the ${side}`);
      guest.memory.requireRange(ptr, len);
      return add(guest, side, { ptr: ptr >>> 0, len: len >>> 0 });
    },
  }),
];

function* fill(
  guest: HandlerGuest,
  body: MessageBody,
  { ptr, bytesMax }: { readonly ptr: number; readonly bytesMax: number },
): Steps<bigint> {
  let done = 0;
  while (done < bytesMax) {
    const piece = take(guest, body, bytesMax - done);
    if (piece === undefined) yield* wait(body.whenReady());
    else if (piece.length === 0) return atEnd | BigInt(done);
    else {
      yield* writePieces(guest.memory, ptr + done, piece);
      done += piece.length;
    }
  }
  return BigInt(done);
}

/** A body that broke off ends the run: the ABI has no word for it. */
function take(guest: HandlerGuest, body: MessageBody, bytesMax: number): Uint8Array | undefined {
  try {
    return body.take(bytesMax);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // Too large, too slow, gone: whoever sent it is told that, and not that a handler trapped.
    if (error instanceof TerrafirmaError) guest.run.failure = error;
    return guest.trap(error.message);
  }
}

function* add(
  guest: HandlerGuest,
  side: Side,
  source: { readonly ptr: number; readonly len: number },
): Steps<undefined> {
  const { body } = guest.run[side];
  const bytesMax = guest.limits.replyBodyBytesMax;
  if (side === 'response' && body.writtenBytes + source.len > bytesMax) {
    const detail = `Cannot answer: a body has at most ${bytesMax} bytes: received more`;
    guest.run.failure = new TerrafirmaError('reply-too-large', detail);
    guest.trap(detail);
  }
  if (side === 'response') guest.run.hasAnswered = true;
  const copy = yield* readPieces(guest.memory, source);
  try {
    body.write(copy);
  } catch (error) {
    if (error instanceof ObjectError) guest.trap(error.message);
    throw error;
  }
  return undefined;
}
