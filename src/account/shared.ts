/**
 * Where the account of bytes lies: one SharedArrayBuffer that every thread of the process sees.
 *
 *   header | page of thread 0 | page of thread 1 | … | page of the control plane | …
 *
 * A page is written by its thread alone, so that charging is an addition and no atomic operation,
 * and is cleared by the control plane when its thread has died: what a dead thread held is held no
 * more. Whoever wants a sum adds up the pages. All words are doubles, aligned, and so read whole.
 *
 * Owners are not listed: each adds to one cell in each of three rows, at places that only this
 * process knows (a keyed hash), and what an owner holds is at most the least of its three cells
 * (a count-min sketch). Nothing can fill up and nothing must be cleaned; an owner may be taken for
 * larger than it is where strangers share all three of its cells: with 2,000 strangers that hold
 * something, one owner in 600. Nobody can choose to share them with somebody.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { OwnerKey } from '../names.ts';

/**
 * What bytes are held for; `memory` is a whole instance, tables included. Idle guests can be given
 * up at any moment, and so count apart.
 */
export const categories = [
  'idle-guest',
  'memory',
  'heap',
  'request-body',
  'reply',
  'run',
  'websocket',
  'key-value',
  'log',
  'listing',
  'code',
  'cache',
] as const;

export type Category = (typeof categories)[number];

/** What is shared out: bytes, and linear memories, which are scarce by number. */
export const stocks = ['bytes', 'memories'] as const;

export type Stock = (typeof stocks)[number];

/** Pages beside those of the serving threads. */
export const otherPages = ['control', 'key-value', 'log', 'builder'] as const;

export type OtherPage = (typeof otherPages)[number];

const keyBytes = 16;
/** Doubles in a cache line, so that what one thread writes is not beside what all read. */
const lineWords = 8;

/** Header: the key, the bounds, and what the control plane has measured. */
export const headerWord = {
  bytesMax: 8,
  memoriesMax: 9,
  /** Resident bytes that nobody has charged: the program itself, garbage, the system's share. */
  outsideBytes: 16,
  /** What they were when the program stood and had nothing to do: what it needs by itself. */
  baseBytes: 17,
  /** How long a guest may stay idle now, in milliseconds. */
  idleMs: 18,
  /** How often garbage was to be collected; see tidy.ts. */
  collectRounds: 19,
} as const;
const headerWords = 24;

/** Of a page. Sums that other threads read are renewed in steps, in a line of their own. */
export const pageWord = {
  shownHeld: 0,
  shownIdle: 1,
  shownMemories: 2,
  held: lineWords,
  /** Where whoever is nobody's adds: read by none. */
  scratch: lineWords + 1,
  /** How often the thread has collected its garbage on demand. */
  collections: lineWords + 2,
  /** Of the thread's time lately, in which it was at work. */
  utilization: lineWords + 3,
  categories: 2 * lineWords,
} as const;

export const rows = 3;
const columns = 16_384;
const sketchWords = rows * columns;
const categoryWords = Math.ceil(categories.length / lineWords) * lineWords;
const pageWords = pageWord.categories + categoryWords + stocks.length * sketchWords;

export interface SharedAccountOptions {
  readonly threads: number;
  /** What may be held by everything together, the program itself included. */
  readonly bytesMax: number;
  readonly memoriesMax: number;
}

/** The account of a process: all zero, but for its bounds and its key. */
export function createSharedAccount(options: SharedAccountOptions): SharedArrayBuffer {
  const pages = options.threads + otherPages.length;
  const shared = new SharedArrayBuffer((headerWords + pages * pageWords) * 8);
  new Uint8Array(shared).set(randomBytes(keyBytes));
  const words = new Float64Array(shared);
  words[headerWord.bytesMax] = options.bytesMax;
  words[headerWord.memoriesMax] = options.memoriesMax;
  words[headerWord.idleMs] = Number.POSITIVE_INFINITY;
  return shared;
}

export function pageCount(words: Float64Array): number {
  return (words.length - headerWords) / pageWords;
}

/** The first word of a page; serving threads come first. */
export function pageStart(page: number): number {
  return headerWords + page * pageWords;
}

/** The page of a part that is no serving thread. */
export function otherPageNumber(words: Float64Array, page: OtherPage): number {
  return pageCount(words) - otherPages.length + otherPages.indexOf(page);
}

/** Where `owner` adds in a page's sketch of `stock`: one word in each row. */
export function placesOf(
  words: Float64Array,
  owner: OwnerKey,
): { readonly [stock in Stock]: readonly number[] } {
  const key = new Uint8Array(words.buffer, 0, keyBytes).slice();
  const digest = createHash('sha256').update(key).update(owner).digest();
  const columnOf = (row: number): number => digest.readUInt32LE(row * 4) % columns;
  const first = pageWord.categories + categoryWords;
  const placesIn = (stock: number): readonly number[] =>
    Array.from(
      { length: rows },
      (_, row) => first + stock * sketchWords + row * columns + columnOf(row),
    );
  return { bytes: placesIn(0), memories: placesIn(1) };
}

/** The thread of that page is gone, and with it what it held. */
export function clearPage(shared: SharedArrayBuffer, page: number): void {
  const start = pageStart(page);
  new Float64Array(shared).fill(0, start, start + pageWords);
}
