/**
 * Request bodies, so many bytes at each turn of the event loop. libuv reads a socket up to 32 times
 * in a row while there is more (uv__read in unix/stream.c), 2 MiB at 64 KiB each: forty uploads
 * would fill one turn with 80 MiB, and for so long nobody else would be heard.
 */

/** About a tenth of a millisecond of copying. */
const bytesPerTurn = 256 * 1024;
/** Each takes what its stream holds, some 64 KiB. */
const bodiesPerTurn = 4;

export class IntakeTurns {
  /** In the order in which they came; one for each body at most. */
  readonly #waiting = new Set<() => void>();
  #takenBytes = 0;
  #isPlanned = false;

  /** Whether who wants more bytes should wait for `turn`. */
  get isSpent(): boolean {
    return this.#takenBytes >= bytesPerTurn || this.#waiting.size > 0;
  }

  /** They were read in the present turn. */
  take(bytes: number): void {
    this.#takenBytes += bytes;
    this.#plan();
  }

  /** Resolves in one of the next turns of the event loop, after those that came before. */
  turn(): Promise<void> {
    this.#plan();
    return new Promise((resolve) => {
      this.#waiting.add(resolve);
    });
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setImmediate(this.#begin);
  }

  readonly #begin = (): void => {
    this.#isPlanned = false;
    this.#takenBytes = 0;
    let begun = 0;
    for (const resolve of this.#waiting) {
      if (begun === bodiesPerTurn) break;
      begun += 1;
      this.#waiting.delete(resolve);
      resolve();
    }
    if (this.#waiting.size > 0) this.#plan();
  };
}
