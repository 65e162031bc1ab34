/**
 * Small objects of the host's that a guest has it make, each about as large. Few runs have many, so
 * that the first are free, and others are put on the account many at a time.
 */

const objectsPerHold = 64;
/** So many are free. */
export const freeObjects = objectsPerHold;

export class HeldObjects {
  readonly #objectBytes: number;
  readonly #tryHold: (bytes: number) => boolean;
  #heldCount = freeObjects;

  /** @param tryHold Takes bytes on the account of the run until its end. */
  constructor(objectBytes: number, tryHold: (bytes: number) => boolean) {
    this.#objectBytes = objectBytes;
    this.#tryHold = tryHold;
  }

  /** Whether there is memory for one more than `count`. */
  hasRoom(count: number): boolean {
    if (count < this.#heldCount) return true;
    if (!this.#tryHold(objectsPerHold * this.#objectBytes)) return false;
    this.#heldCount += objectsPerHold;
    return true;
  }
}
