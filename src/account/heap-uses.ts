/**
 * Which owners have something for a thread's collector to look through, or have put something
 * there lately. Listed when they do: going through all owners that a thread remembers, of whom
 * most have done nothing since, took milliseconds each second (docs/rationale.md). Pure.
 */
import type { OwnerKey } from '../names.ts';

export interface HeapUser {
  /** Undefined: nobody's, which is not listed. */
  readonly owner: OwnerKey | undefined;
  isListed: boolean;
  /** What it has, and has put there since this was last asked. */
  takeHeapBytes(): number;
  /** Whether the next `takeHeapBytes` would find anything. */
  readonly hasHeapBytes: boolean;
}

export interface HeapUse {
  readonly owner: OwnerKey;
  readonly bytes: number;
}

/** Those that have nothing any more are looked for when there are so many, or twice as many. */
const sweptAtMin = 1_024;
/** What more of them do is nobody's: as many as a thread can know of. */
const usersMax = 32_768;

export class HeapUses {
  /** How often half of what was put there has been forgotten: each user forgets for itself. */
  fades = 0;
  #users: HeapUser[] = [];
  #sweptAt = sweptAtMin;

  get count(): number {
    return this.#users.length;
  }

  /** The user has something, and is not listed. */
  list(user: HeapUser): void {
    if (user.owner === undefined) return;
    if (this.#users.length >= this.#sweptAt) this.#keep((each) => each.hasHeapBytes);
    if (this.#users.length >= usersMax) return;
    user.isListed = true;
    this.#users.push(user);
  }

  /** What each of them has, and has put there since this was last asked. */
  take(): readonly HeapUse[] {
    const uses: HeapUse[] = [];
    for (const user of this.#users) {
      const bytes = user.takeHeapBytes();
      if (bytes > 0 && user.owner !== undefined) uses.push({ owner: user.owner, bytes });
    }
    this.#keep((user) => user.hasHeapBytes);
    return uses;
  }

  #keep(isKept: (user: HeapUser) => boolean): void {
    this.#users = this.#users.filter((user) => {
      user.isListed = isKept(user);
      return user.isListed;
    });
    this.#sweptAt = Math.max(sweptAtMin, 2 * this.#users.length);
  }
}
