/**
 * The idle guests of one artifact. One that a site has grown by much may serve that site alone, and
 * of a program that thousands of sites share there are thousands: so each is found by its site, and
 * the oldest of all by their order.
 */
import type { Room } from './rooms.ts';

/** What a shelf must know of a guest. */
export interface Shelved {
  /** The only site that may have it, if so. */
  readonly siteKey: string | undefined;
  /** Of one that any site may have whose guests have as much. */
  readonly room: Room;
}

interface Idle<G> {
  readonly guest: G;
  readonly sinceMs: number;
  earlier: Idle<G> | undefined;
  later: Idle<G> | undefined;
}

export class IdleShelf<G extends Shelved> {
  #oldest: Idle<G> | undefined;
  #newest: Idle<G> | undefined;
  #count = 0;
  /** By their room, those that any site may have, the one that waits longest first. */
  readonly #free: Idle<G>[][] = [];
  /** The others, by their site, in the same order. */
  readonly #bound = new Map<string, Idle<G>[]>();

  get count(): number {
    return this.#count;
  }

  /** Since when the one that waits longest does; undefined where none does. */
  get oldestSinceMs(): number | undefined {
    return this.#oldest?.sinceMs;
  }

  put(guest: G, sinceMs: number): void {
    const entry: Idle<G> = { guest, sinceMs, earlier: this.#newest, later: undefined };
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.later = entry;
    this.#newest = entry;
    this.#count += 1;
    this.#pileFor(guest).push(entry);
  }

  /**
   * The site's own one that was used last, else one that any may have: with `room`, or with less,
   * which whoever takes it has to make up for.
   */
  take(siteKey: string, room: Room): G | undefined {
    const own = this.#bound.size === 0 ? undefined : this.#bound.get(siteKey);
    let entry = own?.pop();
    for (let has = room; entry === undefined && has >= 0; has -= 1) entry = this.#free[has]?.pop();
    if (entry === undefined) return undefined;
    if (own?.length === 0) this.#bound.delete(siteKey);
    return this.#unlink(entry);
  }

  /** The one that waits longest. */
  takeOldest(): G | undefined {
    const entry = this.#oldest;
    if (entry === undefined) return undefined;
    const { siteKey } = entry.guest;
    const pile = this.#pileFor(entry.guest);
    pile.shift();
    if (siteKey !== undefined && pile.length === 0) this.#bound.delete(siteKey);
    return this.#unlink(entry);
  }

  #pileFor({ siteKey, room }: G): Idle<G>[] {
    if (siteKey === undefined) {
      this.#free[room] ??= [];
      return this.#free[room];
    }
    const known = this.#bound.get(siteKey);
    if (known !== undefined) return known;
    const pile: Idle<G>[] = [];
    this.#bound.set(siteKey, pile);
    return pile;
  }

  #unlink({ guest, earlier, later }: Idle<G>): G {
    if (earlier === undefined) this.#oldest = later;
    else earlier.later = later;
    if (later === undefined) this.#newest = earlier;
    else later.earlier = earlier;
    this.#count -= 1;
    return guest;
  }
}
