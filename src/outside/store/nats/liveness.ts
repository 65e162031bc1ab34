/**
 * Which rows of the mirror are true right now, as a few numbers that all threads of the process
 * see. Time is that of the machine, which only goes on and is the same in every thread.
 */

/** First the epoch, then a stream each: until when its rows are true, in milliseconds. */
export function createLiveness(streams: number): SharedArrayBuffer {
  return new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT * (1 + streams));
}

export class Liveness {
  readonly #numbers: BigInt64Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer) {
    this.#numbers = new BigInt64Array(memory);
  }

  /** Rows of another epoch are not true. */
  get epoch(): number {
    return Number(Atomics.load(this.#numbers, 0));
  }

  /** No row that there is now is true any more. */
  beginEpoch(): void {
    Atomics.add(this.#numbers, 0, 1n);
  }

  aliveUntil(streamIndex: number): number {
    return Number(Atomics.load(this.#numbers, 1 + streamIndex));
  }

  setAliveUntil(streamIndex: number, machineTimeMs: number): void {
    Atomics.store(this.#numbers, 1 + streamIndex, BigInt(Math.floor(machineTimeMs)));
  }
}

/** Both clocks only go on, at the same pace; each thread's own begins with the thread. */
const threadBeganMs = Number(process.hrtime.bigint() / 1_000_000n) - performance.now();

/** Milliseconds since the machine was started, about; the same in every thread. */
export function machineMs(): number {
  return threadBeganMs + performance.now();
}
