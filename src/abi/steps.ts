/**
 * Hostcalls in pieces. What copies megabytes, or makes a list of thousands, is the guest's time,
 * and others must have their turn in between: such a hostcall is a generator that yields after each
 * piece. The engine then looks at the clock, and goes on when it is the guest's turn again. It may
 * also yield a promise, and is given its value on the guest's own turn, or a call of the guest.
 *
 * Between two yields the memory stays as it is, because the guest is suspended; after one, views of
 * it must be taken anew.
 */
import { Buffer } from 'node:buffer';
/** Where bytes are read from and written to; see `GuestMemory`. */
export interface StepMemory {
  readInto(target: Uint8Array, ptr: number): void;
  writeBytes(ptr: number, bytes: Uint8Array): void;
}

export type Steps<T> = Generator<Promise<unknown> | NestedCall | undefined, T, unknown>;

/** A call of the guest on a stack of its own, for which the stack that made the hostcall waits. */
export class NestedCall {
  /** Runs until it is done or has to wait; rejects when it trapped or was ended. */
  readonly begin: () => Promise<unknown>;

  constructor(begin: () => Promise<unknown>) {
    this.begin = begin;
  }
}

/** Bytes that are copied in one piece: some 30 µs. */
export const pieceBytes = 262_144;
/** Things of some 0.1 to 1 µs that are done in one piece. */
export const pieceItems = 64;

/** Whether a hostcall answered with pieces that are still to be done. */
export function isSteps<T>(answer: T | Steps<T> | Promise<unknown>): answer is Steps<T> {
  return typeof answer === 'object' && answer !== null && 'next' in answer;
}

/** The value of `work`; the guest waits for it, and then for its turn. */
export function* wait<T>(work: Promise<T>): Steps<T> {
  return (yield work) as T;
}

/**
 * A copy of `len` bytes at `ptr`, which must lie in memory; in `reused`, where that is large enough
 * and nobody needs it any more. Else a guest that sets a large body over and over keeps the
 * collector of garbage busy, and all of the thread waiting.
 */
export function* readPieces(
  memory: StepMemory,
  { ptr, len }: { readonly ptr: number; readonly len: number },
  reused?: Uint8Array,
): Steps<Uint8Array> {
  const isEnough = reused !== undefined && reused.length >= len;
  // Filled below, so that it need not be cleared before.
  const bytes = isEnough
    ? reused.subarray(0, len)
    : new Uint8Array(Buffer.allocUnsafeSlow(len).buffer);
  for (let done = 0; done < len; done += pieceBytes) {
    if (done > 0) yield;
    memory.readInto(bytes.subarray(done, done + pieceBytes), (ptr >>> 0) + done);
  }
  return bytes;
}

/** Writes `bytes` to `ptr`, where there must be room for them. */
export function* writePieces(memory: StepMemory, ptr: number, bytes: Uint8Array): Steps<void> {
  for (let done = 0; done < bytes.length; done += pieceBytes) {
    if (done > 0) yield;
    memory.writeBytes(ptr + done, bytes.subarray(done, done + pieceBytes));
  }
}

/** Does all pieces in a row, for a host that has no turns to give. */
export async function runSteps<T>(steps: Steps<T>): Promise<T> {
  for (let step = steps.next(); ; ) {
    if (step.done === true) return step.value;
    const { value: work } = step;
    step =
      (await (work instanceof NestedCall ? work.begin() : work)?.then(
        (value) => steps.next(value),
        (error: unknown) => steps.throw(error),
      )) ?? steps.next();
  }
}
