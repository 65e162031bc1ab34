/** Random bytes for guests. Edge: the cryptographic random numbers of the system. */
import { randomFillSync } from 'node:crypto';

const poolBytes = 4_096;
/** Larger requests go to the system directly: the pool would only add a copy. */
const smallBytesMax = 256;
/** What one call of the system fills: a guest that asks for much must not hold the thread. */
const chunkBytes = 65_536;

/**
 * Fills small requests from a pool, because a call of the system costs more than a few bytes are
 * worth. A byte leaves the pool once and is wiped there: no later fault can show it to another
 * guest. One a serving thread.
 */
export class RandomPool {
  readonly #pool: Uint8Array;
  #used: number;

  /** Owns `pool`; its size must be at least that of a small request. */
  constructor(pool: Uint8Array = new Uint8Array(poolBytes)) {
    this.#pool = pool;
    this.#used = pool.byteLength;
  }

  fill(target: Uint8Array): void {
    if (target.byteLength > smallBytesMax) {
      for (let at = 0; at < target.byteLength; at += chunkBytes) {
        randomFillSync(target.subarray(at, at + chunkBytes));
      }
      return;
    }
    if (this.#used + target.byteLength > this.#pool.byteLength) {
      randomFillSync(this.#pool);
      this.#used = 0;
    }
    const end = this.#used + target.byteLength;
    target.set(this.#pool.subarray(this.#used, end));
    this.#pool.fill(0, this.#used, end);
    this.#used = end;
  }
}
