/**
 * What the thread of the engine counts, for whoever watches the daemon: numbers in memory that the
 * control plane reads when it is asked. One writes, anybody reads.
 */
import type { StoreErrorKind } from '../contract.ts';

export const writeEnds = [
  'done',
  'conflict',
  'limit',
  'full',
  'unavailable',
  'unknown',
  'refused',
  'input',
] as const satisfies readonly ('done' | 'conflict' | StoreErrorKind)[];

export type WriteEnd = (typeof writeEnds)[number];

/** Ends of the buckets of how long writes took, in seconds; an election takes 4 to 9. */
export const writeBucketsS = [0.002, 0.005, 0.02, 0.1, 0.5, 2, 10] as const;

const places = {
  connectionsLost: 0,
  leaderReads: 1,
  writes: 2,
  durations: 2 + writeEnds.length,
  durationSumUs: 2 + writeEnds.length + writeBucketsS.length + 1,
} as const;

export function createEngineCounts(): SharedArrayBuffer {
  return new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT * (places.durationSumUs + 1));
}

export class EngineCounts {
  readonly #numbers: BigInt64Array<SharedArrayBuffer>;

  constructor(memory = createEngineCounts()) {
    this.#numbers = new BigInt64Array(memory);
  }

  get connectionsLost(): number {
    return this.#read(places.connectionsLost);
  }

  /** Reads that asked a stream's leader: misses of the mirror, and fresh ones. */
  get leaderReads(): number {
    return this.#read(places.leaderReads);
  }

  writesOf(end: WriteEnd): number {
    return this.#read(places.writes + writeEnds.indexOf(end));
  }

  /** How long writes took; `counts` has one place more than `writeBucketsS`. */
  get durations(): { readonly counts: readonly number[]; readonly sumS: number } {
    const counts = Array.from({ length: writeBucketsS.length + 1 }, (_, at) =>
      this.#read(places.durations + at),
    );
    return { counts, sumS: this.#read(places.durationSumUs) / 1e6 };
  }

  noteConnectionLost(): void {
    this.#add(places.connectionsLost);
  }

  noteLeaderRead(): void {
    this.#add(places.leaderReads);
  }

  noteWrite(end: WriteEnd, tookMs: number): void {
    this.#add(places.writes + writeEnds.indexOf(end));
    const found = writeBucketsS.findIndex((endS) => tookMs / 1_000 <= endS);
    this.#add(places.durations + (found === -1 ? writeBucketsS.length : found));
    this.#add(places.durationSumUs, Math.round(tookMs * 1_000));
  }

  #read(place: number): number {
    return Number(Atomics.load(this.#numbers, place));
  }

  #add(place: number, amount = 1): void {
    Atomics.add(this.#numbers, place, BigInt(amount));
  }
}
