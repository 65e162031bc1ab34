/**
 * Guests that are made ready before anybody asks for them, one at a time for each owner: whoever
 * overwrites two hundred modules at once gets no more of the thread than whoever overwrites one.
 * What is beyond the limit is left out: the first visitor will make that guest.
 */
import type { OwnerKey } from '../../names.ts';

/** Of one owner, that wait. */
const waitingMax = 64;

export class WarmUp {
  /** Of each owner who has one under way: what comes after it. */
  readonly #waiting = new Map<OwnerKey, (() => Promise<void>)[]>();
  #isClosed = false;

  /** `warm` must not reject. */
  add(owner: OwnerKey, warm: () => Promise<void>): void {
    if (this.#isClosed) return;
    const waiting = this.#waiting.get(owner);
    if (waiting === undefined) {
      const next: (() => Promise<void>)[] = [];
      this.#waiting.set(owner, next);
      void this.#work(owner, warm, next);
    } else if (waiting.length < waitingMax) {
      waiting.push(warm);
    }
  }

  /** What waits is given up. */
  close(): void {
    this.#isClosed = true;
    for (const waiting of this.#waiting.values()) waiting.length = 0;
  }

  async #work(
    owner: OwnerKey,
    first: () => Promise<void>,
    waiting: (() => Promise<void>)[],
  ): Promise<void> {
    for (let warm: typeof first | undefined = first; warm !== undefined; warm = waiting.shift()) {
      await warm();
    }
    this.#waiting.delete(owner);
  }
}
