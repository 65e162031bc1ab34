/**
 * What all threads of the process can see at once: one heartbeat and the running artifact of each
 * serving thread. A SharedArrayBuffer of Int32: a stuck thread cannot be asked, so it is looked at.
 */
import type { Digest } from './messages.ts';

/** Words a thread: the beat, whether a guest runs, eight of its digest, padded to a cache line. */
const wordsPerThread = 16;
const beatWord = 0;
const runningWord = 1;
const digestWord = 2;
const wordsPerDigest = 8;

/** Bytes of the ledger for `threads` serving threads. */
export function createLedger(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * wordsPerThread * 4);
}

/** A serving thread's own page of the ledger. */
export class LedgerPage {
  readonly #words: Int32Array;
  readonly #base: number;

  constructor(ledger: SharedArrayBuffer, threadNumber: number) {
    this.#words = new Int32Array(ledger);
    this.#base = threadNumber * wordsPerThread;
  }

  /** Says that this thread's event loop turns. */
  beat(): void {
    Atomics.add(this.#words, this.#base + beatWord, 1);
  }

  /** Notes which artifact's code the thread is about to enter. */
  enter(digestWords: Int32Array): void {
    const first = this.#base + digestWord;
    // `set` is a call into V8, which costs more than writing eight words.
    for (let word = 0; word < wordsPerDigest; word += 1) {
      this.#words[first + word] = digestWords[word] ?? 0;
    }
    this.#words[this.#base + runningWord] = 1;
  }

  leave(): void {
    this.#words[this.#base + runningWord] = 0;
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
  const base = threadNumber * wordsPerThread;
  const beat = Atomics.load(words, base + beatWord);
  if (Atomics.load(words, base + runningWord) === 0) return { beat, running: undefined };
  return { beat, running: digestFromWords(words.subarray(base + digestWord)) };
}

/** The digest as words, so that entering a guest copies 32 bytes instead of parsing a string. */
export function digestToWords(digest: Digest): Int32Array {
  const words = new Int32Array(wordsPerDigest);
  for (let word = 0; word < wordsPerDigest; word += 1) {
    words[word] = Number.parseInt(digest.slice(word * 8, word * 8 + 8), 16) | 0;
  }
  return words;
}

function digestFromWords(words: Int32Array): Digest {
  let digest = '';
  for (const word of words.subarray(0, wordsPerDigest)) {
    digest += (word >>> 0).toString(16).padStart(8, '0');
  }
  return digest as Digest;
}
