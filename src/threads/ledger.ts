/**
 * What all threads of the process can see at once: one heartbeat and the running artifact of each
 * serving thread. A SharedArrayBuffer of Int32: a stuck thread cannot be asked, so it is looked at.
 */
import type { Digest } from './messages.ts';

/** Words a thread: the beat, whether a guest runs, eight of its digest, padded to a cache line. */
const WORDS_PER_THREAD = 16;
const BEAT_WORD = 0;
const RUNNING_WORD = 1;
const DIGEST_WORD = 2;
const DIGEST_WORDS = 8;

/** Bytes of the ledger for `threads` serving threads. */
export function createLedger(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * WORDS_PER_THREAD * 4);
}

/** A serving thread's own page of the ledger. */
export class LedgerPage {
  readonly #words: Int32Array;
  readonly #base: number;

  constructor(ledger: SharedArrayBuffer, threadNumber: number) {
    this.#words = new Int32Array(ledger);
    this.#base = threadNumber * WORDS_PER_THREAD;
  }

  /** Says that this thread's event loop turns. */
  beat(): void {
    Atomics.add(this.#words, this.#base + BEAT_WORD, 1);
  }

  /** Notes which artifact's code the thread is about to enter. */
  enter(digestWords: Int32Array): void {
    const first = this.#base + DIGEST_WORD;
    // `set` is a call into the engine: dearer than eight words.
    for (let word = 0; word < DIGEST_WORDS; word += 1) {
      this.#words[first + word] = digestWords[word] ?? 0;
    }
    this.#words[this.#base + RUNNING_WORD] = 1;
  }

  leave(): void {
    this.#words[this.#base + RUNNING_WORD] = 0;
  }
}

/** The control plane's look at a thread. */
export interface ThreadGlance {
  readonly beat: number;
  /** The artifact whose code the thread was in when it last said so. */
  readonly running: Digest | undefined;
}

export function glanceAt(ledger: SharedArrayBuffer, threadNumber: number): ThreadGlance {
  const words = new Int32Array(ledger);
  const base = threadNumber * WORDS_PER_THREAD;
  const beat = Atomics.load(words, base + BEAT_WORD);
  if (Atomics.load(words, base + RUNNING_WORD) === 0) return { beat, running: undefined };
  return { beat, running: digestFromWords(words.subarray(base + DIGEST_WORD)) };
}

/** The digest as words, so that entering a guest copies 32 bytes instead of parsing a string. */
export function digestToWords(digest: Digest): Int32Array {
  const words = new Int32Array(DIGEST_WORDS);
  for (let word = 0; word < DIGEST_WORDS; word += 1) {
    words[word] = Number.parseInt(digest.slice(word * 8, word * 8 + 8), 16) | 0;
  }
  return words;
}

function digestFromWords(words: Int32Array): Digest {
  let digest = '';
  for (const word of words.subarray(0, DIGEST_WORDS)) {
    digest += (word >>> 0).toString(16).padStart(8, '0');
  }
  return digest as Digest;
}
