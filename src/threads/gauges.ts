/**
 * What a serving thread has right now, told by the thread with each of its heartbeats and read by
 * the control plane: a SharedArrayBuffer of doubles, a page a thread. Nothing on the way of a
 * request touches it.
 */

/** The words of a page, in their order. */
export const gaugeNames = [
  /** Runs that have a guest. */
  'runsRunning',
  /** Runs whose body is still being read. */
  'runsWaiting',
  /** Runs that wait for a seat. */
  'runsQueued',
  'idleGuests',
  'idleGuestBytes',
  'http1Connections',
  'http2Connections',
  'websockets',
  /** How much later than planned the last heartbeat came, in milliseconds. */
  'lagMs',
  'heapBytes',
] as const;

export type GaugeName = (typeof gaugeNames)[number];
export type Gauges = { readonly [name in GaugeName]: number };

/** What is to be seen of a serving thread without asking it. */
export interface ThreadLook {
  readonly number: number;
  readonly isListening: boolean;
  readonly ageMs: number;
  /** Since its heartbeat was last seen to have gone on. */
  readonly beatAgeMs: number;
  readonly gauges: Gauges;
}

/** Whole cache lines, so that threads do not share one. */
const wordsPerThread = Math.ceil(gaugeNames.length / 8) * 8;

export function createGauges(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * wordsPerThread * 8);
}

export class GaugePage {
  readonly #words: Float64Array;

  constructor(shared: SharedArrayBuffer, threadNumber: number) {
    this.#words = pageOf(shared, threadNumber);
  }

  tell(gauges: Gauges): void {
    for (const [place, name] of gaugeNames.entries()) this.#words[place] = gauges[name];
  }
}

/** What the thread of that number, or who had it before, has told last. */
export function gaugesOf(shared: SharedArrayBuffer, threadNumber: number): Gauges {
  const words = pageOf(shared, threadNumber);
  const pairs = gaugeNames.map((name, place) => [name, words[place] ?? 0]);
  return Object.fromEntries(pairs) as Gauges;
}

/** The thread is gone, and with it what it had. */
export function clearGauges(shared: SharedArrayBuffer, threadNumber: number): void {
  pageOf(shared, threadNumber).fill(0);
}

function pageOf(shared: SharedArrayBuffer, threadNumber: number): Float64Array {
  return new Float64Array(shared, threadNumber * wordsPerThread * 8, wordsPerThread);
}
