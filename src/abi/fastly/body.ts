/** Bodies: read and written in pieces, moved without copying, written while they are sent. */
import type { Body } from '../objects/body.ts';
import { ObjectError } from '../objects/object-error.ts';
import { readPieces, type Steps, wait, writePieces } from '../steps.ts';
import { answering, bytes, waiting } from './declare.ts';
import type { FastlyGuest } from './guest.ts';
import { FastlyFault, type Given, status } from './status.ts';

/** Read at once into allocations that small bodies share. */
const smallBytes = 16 * 1024;
/** With more bodies each piece lies alone: else a run would keep all memory by a byte of each. */
const sharingBodiesMax = 64;
const ends = ['back', 'front'] as const;

export const bodyHostcalls = [
  waiting({
    name: 'append',
    params: [
      ['dest', 'handle'],
      ['src', 'handle'],
    ],
    spec: '#bodies',
    meaning: 'moves all of `src`, trailers too; nothing is copied',
    act: (guest, destination, source) => {
      const { bodies } = guest.run;
      const body = bodies.get(destination);
      requireVisitor(guest, body);
      body.append(bodies.get(source));
      bodies.drop(source);
      return whenWelcome(body);
    },
  }),

  answering({
    name: 'new',
    params: [['body', 'out_handle']],
    spec: '#bodies',
    act: (guest, ptr) => {
      guest.requireRange(ptr, 4);
      const { run } = guest;
      guest.writeU32(ptr, run.bodies.add(run.newBody()));
    },
  }),

  waiting({
    name: 'read',
    params: [
      ['h', 'handle'],
      ['buf', 'room'],
      ['buf_len', 'length'],
      ['num_bytes', 'out_filled'],
    ],
    spec: '#bodies',
    meaning: 'waits for some; 0 bytes are the end',
    act: (guest, handle, ptr, len, written) => {
      const body = guest.run.bodies.get(handle);
      guest.requireRange(ptr, len);
      guest.requireRange(written, 4);
      const bytesMax = len >>> 0;
      if (body.isStreaming) return status.badf;
      if (bytesMax === 0) return guest.writeU32(written, 0);
      const now = take(guest, body, bytesMax);
      if (now === undefined || now.length > smallBytes) {
        return readLater(guest, body, { ptr, bytesMax, written, now });
      }
      guest.writeBytes(ptr, now);
      return guest.writeU32(written, now.length);
    },
  }),

  waiting({
    name: 'write',
    params: [['h', 'handle'], ...bytes('buf'), ['end', 'number'], ['num_bytes', 'out_number']],
    spec: '#bodies',
    meaning: 'all of it; `end` 1: before what is there; `error` once the visitor has gone',
    act: (guest, handle, ptr, len, end, written) => {
      const body = guest.run.bodies.get(handle);
      const side = ends[end >>> 0];
      guest.requireRange(ptr, len);
      guest.requireRange(written, 4);
      if (side === undefined || (side === 'front' && body.isStreaming)) return status.inval;
      requireVisitor(guest, body);
      const length = len >>> 0;
      if (length > smallBytes) return writeLarge(guest, body, { ptr, length, side, written });
      if (body.isStreaming && !body.isReady) {
        return writeLarge(guest, body, { ptr, length, side, written });
      }
      const isShared = guest.run.bodies.size <= sharingBodiesMax;
      const copy = isShared
        ? guest.readBytesPooled(ptr, length, length)
        : guest.readBytes(ptr, length, length);
      body.write(copy, side);
      return guest.writeU32(written, length);
    },
  }),

  answering({
    name: 'close',
    params: [['h', 'handle']],
    spec: '#bodies',
    meaning: 'of one that is being sent: its good end',
    act: (guest, handle) => guest.run.bodies.take(handle).close(),
  }),

  answering({
    name: 'abandon',
    params: [['h', 'handle']],
    spec: '#bodies',
    meaning: 'of one that is being sent: its transfer is broken off',
    act: (guest, handle) => guest.run.bodies.take(handle).abandon(),
  }),

  answering({
    name: 'known_length',
    params: [
      ['h', 'handle'],
      ['body_length', 'out_number64'],
    ],
    spec: '#bodies',
    meaning: '`none` where it is not known',
    act: (guest, handle, ptr) => {
      const { knownBytes, isStreaming } = guest.run.bodies.get(handle);
      guest.requireRange(ptr, 8);
      if (knownBytes === undefined || isStreaming) return status.none;
      return guest.writeU64(ptr, BigInt(knownBytes));
    },
  }),
];

/**
 * @throws FastlyFault `httpincomplete` where the body broke off, again and again; ObjectError where
 *   the run may not hold what came
 */
function take(guest: FastlyGuest, body: Body, bytesMax: number): Uint8Array | undefined {
  try {
    return body.readNow(bytesMax);
  } catch (error) {
    const { failure } = body;
    if (failure === undefined || failure instanceof ObjectError) throw error;
    guest.run.capabilities.log.write('warn', failure.message);
    throw new FastlyFault('httpincomplete');
  }
}

function* readLater(
  guest: FastlyGuest,
  body: Body,
  room: {
    readonly ptr: number;
    readonly bytesMax: number;
    readonly written: number;
    readonly now: Uint8Array | undefined;
  },
): Steps<Given> {
  let { now } = room;
  while (now === undefined) {
    yield* wait(body.whenReady());
    now = take(guest, body, room.bytesMax);
  }
  yield* writePieces(guest, room.ptr >>> 0, now);
  guest.writeU32(room.written, now.length);
  return status.ok;
}

function* writeLarge(
  guest: FastlyGuest,
  body: Body,
  input: {
    readonly ptr: number;
    readonly length: number;
    readonly side: 'back' | 'front';
    readonly written: number;
  },
): Steps<Given> {
  const { ptr, length, side, written } = input;
  const { held } = guest.run;
  // Who asked whether there is room, and heard that there is, must not wait.
  if (body.isStreaming && !body.isReady) {
    yield* wait(body.whenReady());
    requireVisitor(guest, body);
  }
  // Before it is copied, so that what may not be held is not.
  held.hold(length);
  const copy = yield* readPieces(guest, { ptr, len: length });
  held.release(length);
  body.write(copy, side);
  guest.writeU32(written, length);
  return status.ok;
}

/**
 * A guest that streams to a visitor who has gone is told, so that it can stop: else it would work
 * on until a budget ends it.
 *
 * @throws FastlyFault `error`
 */
function requireVisitor({ run }: FastlyGuest, body: Body): void {
  if (body === run.answerBody && run.exchange.isGone) throw new FastlyFault('error');
}

/** Of a body that is being sent: what was added is on its way as far as there is room. */
function whenWelcome(body: Body): Given | Steps<Given> {
  if (!body.isStreaming || body.isReady) return undefined;
  return waitFor(body.whenReady());
}

function* waitFor(work: Promise<void>): Steps<Given> {
  yield* wait(work);
  return status.ok;
}
