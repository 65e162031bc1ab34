/**
 * The counters and boxes of one site in memory that all threads share: a request must not wait for
 * another thread, and a counter of each thread alone would let a visitor come as often on each.
 *
 *     locks, one a set │ salt │ sets of 8 slots
 *     slot:  hash (2 words) │ second it was last used │ second its punishment ends │ 61 counts
 *
 * An entry is known by 64 bits of a hash with a secret salt: nobody can make two that collide. It
 * lies in the set that its hash names. The counts are a ring, one for each second.
 */
import type { RateTable } from './contract.ts';
import { HalfSipHash } from './half-sip-hash.ts';

const ways = 8;
const ringSeconds = 61;
const secondsMax = 60;
const slotWords = 4 + ringSeconds + 3;
const saltWords = 2;
const countMax = 0xffff_ffff;
/** A holder does some dozens of steps. One that holds for longer has been ended with its thread. */
const spinsMax = 200_000;

const hashHigh = 1;
const usedAt = 2;
const punishedUntil = 3;
const ring = 4;

export const slotBytes = slotWords * 4;

/** Bytes of a table for at least so many entries. */
export function tableBytes(entriesMax: number): number {
  return (setsFor(entriesMax) * (1 + ways * slotWords) + saltWords) * 4;
}

function setsFor(entriesMax: number): number {
  return Math.max(1, Math.ceil(entriesMax / ways));
}

/** An empty one. */
export function createTable(entriesMax: number, salt: Uint8Array): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(tableBytes(entriesMax));
  const saltAt = setsFor(entriesMax) * 4;
  new Uint8Array(memory, saltAt, saltWords * 4).set(salt.subarray(0, saltWords * 4));
  return memory;
}

/** One thread's view of it. */
export class SharedRateTable implements RateTable {
  readonly #words: Int32Array;
  readonly #counts: Uint32Array;
  readonly #sets: number;
  readonly #hash: HalfSipHash;
  readonly #nowMs: () => number;

  /** @param nowMs The same clock in all threads: milliseconds since the Unix epoch. */
  constructor(memory: SharedArrayBuffer, nowMs: () => number) {
    this.#words = new Int32Array(memory);
    this.#counts = new Uint32Array(memory);
    this.#sets = (this.#words.length - saltWords) / (1 + ways * slotWords);
    this.#hash = new HalfSipHash(this.#word(this.#sets), this.#word(this.#sets + 1));
    this.#nowMs = nowMs;
  }

  add(counter: string, entry: string, delta: number): void {
    const key = this.#keyOf('counter', counter, entry);
    const second = this.#second();
    this.#lock(key.set);
    try {
      const slot = this.#find(key, second) ?? this.#take(key, second);
      this.#turnTo(slot, second);
      const at = slot + ring + (second % ringSeconds);
      this.#counts[at] = Math.min(countMax, (this.#counts[at] ?? 0) + delta);
    } finally {
      this.#unlock(key.set);
    }
  }

  recent(counter: string, entry: string, seconds: number): number {
    const key = this.#keyOf('counter', counter, entry);
    const nowMs = this.#nowMs();
    const second = Math.floor(nowMs / 1_000);
    const length = Math.min(secondsMax, Math.max(1, seconds));
    this.#lock(key.set);
    try {
      const slot = this.#find(key, second);
      if (slot === undefined) return 0;
      this.#turnTo(slot, second);
      let sum = 0;
      for (let ago = 0; ago < length; ago += 1) sum += this.#countOf(slot, second - ago);
      // The window ends now, within a second: it begins within one, too.
      const partLeft = 1 - (nowMs % 1_000) / 1_000;
      return sum + this.#countOf(slot, second - length) * partLeft;
    } finally {
      this.#unlock(key.set);
    }
  }

  punish(box: string, entry: string, seconds: number): void {
    const key = this.#keyOf('box', box, entry);
    const second = this.#second();
    this.#lock(key.set);
    try {
      const slot = this.#find(key, second) ?? this.#take(key, second);
      this.#words[slot + usedAt] = second;
      this.#words[slot + punishedUntil] = second + seconds;
    } finally {
      this.#unlock(key.set);
    }
  }

  isPunished(box: string, entry: string): boolean {
    const key = this.#keyOf('box', box, entry);
    const second = this.#second();
    this.#lock(key.set);
    try {
      const slot = this.#find(key, second);
      return slot !== undefined && second < this.#word(slot + punishedUntil);
    } finally {
      this.#unlock(key.set);
    }
  }

  #second(): number {
    return Math.floor(this.#nowMs() / 1_000);
  }

  #keyOf(kind: string, name: string, entry: string): Key {
    const { low, high } = this.#hash.of(kind, name, entry);
    // Never 0: that is a slot of nobody.
    return { low, high: high | 1, set: (low >>> 0) % this.#sets };
  }

  #find({ low, high, set }: Key, second: number): number | undefined {
    const first = this.#firstSlot(set);
    for (let way = 0; way < ways; way += 1) {
      const slot = first + way * slotWords;
      if (this.#word(slot) !== low || this.#word(slot + hashHigh) !== high) continue;
      // Unless the clock was put back by hours: then what is there says nothing.
      if (this.#word(slot + usedAt) <= second + secondsMax) return slot;
    }
    return undefined;
  }

  /** The slot that is needed least, emptied. */
  #take({ low, high, set }: Key, second: number): number {
    const first = this.#firstSlot(set);
    let taken = first;
    let leastNeed = Number.POSITIVE_INFINITY;
    for (let way = 0; way < ways; way += 1) {
      const slot = first + way * slotWords;
      const need = this.#needOf(slot, second);
      if (need >= leastNeed) continue;
      leastNeed = need;
      taken = slot;
    }
    this.#words.fill(0, taken, taken + slotWords);
    this.#words[taken] = low;
    this.#words[taken + hashHigh] = high;
    this.#words[taken + usedAt] = second;
    return taken;
  }

  /** A punishment is needed more than any count, and longest the one that lasts longest. */
  #needOf(slot: number, second: number): number {
    if (this.#word(slot + hashHigh) === 0) return -1;
    const punishedFor = this.#word(slot + punishedUntil) - second;
    if (punishedFor > 0) return ringSeconds + punishedFor;
    return Math.max(0, ringSeconds - Math.abs(second - this.#word(slot + usedAt)));
  }

  /** Clears the counts of the seconds since it was used. */
  #turnTo(slot: number, second: number): void {
    const used = this.#word(slot + usedAt);
    if (second <= used) return;
    const passed = Math.min(ringSeconds, second - used);
    for (let ahead = 0; ahead < passed; ahead += 1) {
      this.#words[slot + ring + ((second - ahead) % ringSeconds)] = 0;
    }
    this.#words[slot + usedAt] = second;
  }

  #countOf(slot: number, second: number): number {
    return this.#counts[slot + ring + (second % ringSeconds)] ?? 0;
  }

  #firstSlot(set: number): number {
    return this.#sets + saltWords + set * ways * slotWords;
  }

  #word(at: number): number {
    return this.#words[at] ?? 0;
  }

  #lock(set: number): void {
    for (let spins = 0; spins < spinsMax; spins += 1) {
      if (Atomics.compareExchange(this.#words, set, 0, 1) === 0) return;
    }
  }

  #unlock(set: number): void {
    Atomics.store(this.#words, set, 0);
  }
}

interface Key {
  readonly low: number;
  readonly high: number;
  readonly set: number;
}
