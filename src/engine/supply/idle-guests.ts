/**
 * Guests that wait for their next run, bounded by bytes over all artifacts of the thread and by
 * time; the artifact that was least recently used gives up first. While memory is short in the
 * process they go sooner, the oldest of all threads first: the account says how long one may stay.
 */
import type { Account } from '../../account/account.ts';
import type { Guest } from '../guest.ts';
import { IdleShelf } from './idle-shelf.ts';
import type { Room } from './rooms.ts';

export interface IdleGuestsOptions {
  readonly account: Account;
  readonly bytesMax: number;
  /** How long a guest may wait, in milliseconds. */
  readonly idleMsMax: number;
}

export class IdleGuests {
  readonly #options: IdleGuestsOptions;
  /** By artifact, least recently used first. */
  readonly #shelves = new Map<object, IdleShelf<Guest>>();
  /** The one used last and its shelf: most runs are of the same as those before them. */
  #lastUsed: object | undefined;
  #lastShelf: IdleShelf<Guest> | undefined;
  #bytes = 0;
  /** Guests that nobody wanted for a while, since the start. */
  evictions = 0;
  /** As of the last `expire`: asking for the time at every run would cost more than it tells. */
  #nowMs = 0;

  constructor(options: IdleGuestsOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    let count = 0;
    for (const shelf of this.#shelves.values()) count += shelf.count;
    return count;
  }

  /**
   * The guest of `artifact` that was used last and may serve that site: its memory is the likeliest
   * to be in a cache.
   *
   * @param room What the guests of the site have.
   */
  take(artifact: object, siteKey: string, room: Room): Guest | undefined {
    const guest = this.#find(artifact)?.take(siteKey, room);
    if (guest !== undefined) this.#bytes -= guest.charge.idleBytes;
    return guest;
  }

  has(artifact: object): boolean {
    return (this.#shelves.get(artifact)?.count ?? 0) > 0;
  }

  /**
   * Keeps a restored guest, and gives up others where that is too much.
   *
   * @param physicalBytes What its memories have now: each look at a memory is a call of V8's.
   */
  put(artifact: object, guest: Guest, physicalBytes: number): void {
    this.#shelfOf(artifact).put(guest, this.#nowMs);
    guest.charge.rest(guest.untouchedBytes(physicalBytes));
    this.#bytes += guest.charge.idleBytes;
    while (this.#bytes > this.#options.bytesMax && this.evictOne());
  }

  /** Gives up the guest that is the least likely to be wanted; false when there is none. */
  evictOne(): boolean {
    for (const [artifact, shelf] of this.#shelves) {
      if (this.#evictFirst(shelf)) {
        if (shelf.count === 0) this.#forget(artifact);
        return true;
      }
      this.#forget(artifact);
    }
    return false;
  }

  /** Gives up all guests of `artifact`. */
  evictAll(artifact: object): void {
    const shelf = this.#shelves.get(artifact);
    while (shelf !== undefined && this.#evictFirst(shelf));
    this.#forget(artifact);
  }

  /** Gives up those that have waited too long. To be called every moment. */
  expire(nowMs: number): void {
    this.#nowMs = nowMs;
    const { account, idleMsMax } = this.#options;
    const sinceMsMin = nowMs - Math.min(idleMsMax, account.idleMsMax);
    for (const [artifact, shelf] of this.#shelves) {
      while ((shelf.oldestSinceMs ?? nowMs) < sinceMsMin && this.#evictFirst(shelf));
      if (shelf.count === 0) this.#forget(artifact);
    }
  }

  close(): void {
    while (this.evictOne());
  }

  #evictFirst(shelf: IdleShelf<Guest>): boolean {
    const first = shelf.takeOldest();
    if (first === undefined) return false;
    this.#bytes -= first.charge.idleBytes;
    first.discard();
    this.evictions += 1;
    return true;
  }

  #find(artifact: object): IdleShelf<Guest> | undefined {
    return this.#lastUsed === artifact ? this.#lastShelf : this.#shelves.get(artifact);
  }

  #shelfOf(artifact: object): IdleShelf<Guest> {
    const known = this.#find(artifact);
    if (known !== undefined && this.#lastUsed === artifact) return known;
    const shelf = known ?? new IdleShelf<Guest>();
    this.#shelves.delete(artifact);
    this.#shelves.set(artifact, shelf);
    this.#lastUsed = artifact;
    this.#lastShelf = shelf;
    return shelf;
  }

  #forget(artifact: object): void {
    this.#shelves.delete(artifact);
    if (this.#lastUsed !== artifact) return;
    this.#lastUsed = undefined;
    this.#lastShelf = undefined;
  }
}
