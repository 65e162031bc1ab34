/**
 * Until when what the mirror holds of each stream is true, as a few numbers that all threads of the
 * process see. Time is that of the machine, which only goes on and is the same in every thread.
 */

/** Whole numbers of 32 bits are read without making an object; a tick is a tenth of a second. */
const tickMs = 100;
/** Machines that run for seven years have a mirror that is never true, and no other harm. */
const ticksMax = 2 ** 31 - 1;

export function createLiveness(streams: number): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT * streams);
}

export class Liveness {
  readonly #ticks: Int32Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer) {
    this.#ticks = new Int32Array(memory);
  }

  /** Never longer than it was said to be. */
  isAlive(streamIndex: number, machineTimeMs: number): boolean {
    return Math.ceil(machineTimeMs / tickMs) < Atomics.load(this.#ticks, streamIndex);
  }

  setAliveUntil(streamIndex: number, machineTimeMs: number): void {
    const tick = Math.min(ticksMax, Math.floor(machineTimeMs / tickMs));
    Atomics.store(this.#ticks, streamIndex, tick);
  }

  /** While `work` is done nothing is alive. */
  interrupt(work: () => void, after: 'dead' | 'as-before'): void {
    const before = [...this.#ticks.keys()].map((index) => Atomics.exchange(this.#ticks, index, 0));
    work();
    if (after === 'dead') return;
    for (const [index, tick] of before.entries()) Atomics.store(this.#ticks, index, tick);
  }
}

/** Both clocks only go on, at the same pace; each thread's own begins with the thread. */
const threadBeganMs = Number(process.hrtime.bigint() / 1_000_000n) - performance.now();

/** Milliseconds since the machine was started, about; the same in every thread. */
export function machineMs(): number {
  return threadBeganMs + performance.now();
}
