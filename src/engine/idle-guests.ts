/**
 * Guests that wait for their next run, bounded by bytes over all artifacts of the thread; the
 * artifact that was least recently used gives up first.
 */
import type { Guest } from './guest.ts';

interface Shelf {
  readonly guests: Guest[];
}

export class IdleGuests {
  readonly #bytesMax: number;
  /** By artifact, least recently used first. */
  readonly #shelves = new Map<object, Shelf>();
  #lastUsed: object | undefined;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The guest of `artifact` that was used last and may serve that site: its memory is the likeliest
   * to be in a cache.
   */
  take(artifact: object, siteKey: string): Guest | undefined {
    const guests = this.#shelves.get(artifact)?.guests ?? [];
    for (let at = guests.length - 1; at >= 0; at -= 1) {
      const guest = guests[at];
      if (guest?.mayServe(siteKey) !== true) continue;
      guests.splice(at, 1);
      this.#bytes -= guest.idleBytes;
      return guest;
    }
    return undefined;
  }

  has(artifact: object): boolean {
    return (this.#shelves.get(artifact)?.guests.length ?? 0) > 0;
  }

  /** Keeps a restored guest, and gives up others where that is too much. */
  put(artifact: object, guest: Guest): void {
    this.#shelfOf(artifact).guests.push(guest);
    this.#bytes += guest.idleBytes;
    while (this.#bytes > this.#bytesMax && this.evictOne());
  }

  /** Gives up the guest that is the least likely to be wanted; false when there is none. */
  evictOne(): boolean {
    for (const [artifact, shelf] of this.#shelves) {
      const guest = shelf.guests.shift();
      if (guest === undefined) {
        this.#forget(artifact);
        continue;
      }
      this.#bytes -= guest.idleBytes;
      guest.discard();
      if (shelf.guests.length === 0) this.#forget(artifact);
      return true;
    }
    return false;
  }

  /** Gives up all guests of `artifact`. */
  evictAll(artifact: object): void {
    for (const guest of this.#shelves.get(artifact)?.guests ?? []) {
      this.#bytes -= guest.idleBytes;
      guest.discard();
    }
    this.#forget(artifact);
  }

  close(): void {
    while (this.evictOne());
  }

  #shelfOf(artifact: object): Shelf {
    const known = this.#shelves.get(artifact);
    if (known !== undefined && this.#lastUsed === artifact) return known;
    const shelf = known ?? { guests: [] };
    this.#shelves.delete(artifact);
    this.#shelves.set(artifact, shelf);
    this.#lastUsed = artifact;
    return shelf;
  }

  #forget(artifact: object): void {
    this.#shelves.delete(artifact);
    if (this.#lastUsed === artifact) this.#lastUsed = undefined;
  }
}
