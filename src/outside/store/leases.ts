/**
 * Locks with expiry: of all that share a store at most one holds a lease at a time, and one that
 * dies loses it. No clock of one machine is compared with another's: whoever wants a lease must
 * have seen it unchanged for its time and a little more, on its own clock, and the holder counts
 * its time from before it asked. What is done under a lease writes the lease's key in the same
 * commit (`guard`), so that a late holder does nothing.
 */
import { randomBytes } from 'node:crypto';
import type { Revision, SharedStore, Space, Write } from './contract.ts';

export interface LeaseOptions {
  readonly store: SharedStore;
  readonly space: Space;
  readonly key: Uint8Array;
  readonly ttlMs: number;
  /** Time that only goes on, in milliseconds. */
  readonly nowMs: () => number;
  /** Nobody else uses the store: what is there was left by a process that is dead. */
  readonly isAlone?: boolean;
}

/** See `Lease.claim`. */
export interface Claim {
  readonly write: Write;
  readonly askedAtMs: number;
}

/** Clocks run differently, and threads are held up. */
const graceMs = 2_000;
/** How long a claim waits for the store: through an election. */
const claimMsMax = 10_000;
/** A release that takes longer is left: the lease ends by itself, and a daemon wants to end. */
const releaseMsMax = 2_000;

interface Seen {
  readonly revision: Revision;
  readonly atMs: number;
  readonly ttlMs: number;
}

export class Lease {
  readonly #options: LeaseOptions;
  readonly #holder = randomBytes(8).toString('hex');
  /** What others had of it when this was first seen. */
  #seen: Seen | undefined;
  #held: { readonly revision: Revision; readonly untilMs: number } | undefined;
  #count = 0;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** Whether it may still be acted upon. */
  get isHeld(): boolean {
    return this.#held !== undefined && this.#options.nowMs() < this.#held.untilMs;
  }

  /** After so many milliseconds it may be taken if nobody renews it; 0: nobody is known to. */
  get restMs(): number {
    if (this.#seen === undefined) return 0;
    const { atMs, ttlMs } = this.#seen;
    return Math.max(0, atMs + ttlMs + graceMs - this.#options.nowMs());
  }

  /**
   * Takes or renews it, where nobody else has it; whether it is held now. Never waits for another
   * to lose it: ask again, at least every third of its time. Rejects with StoreError.
   */
  async tryHold(): Promise<boolean> {
    const claim = await this.claim();
    if (claim === undefined) return false;
    const { space, store, ttlMs } = this.#options;
    const wait = { deadlineMs: Math.min(ttlMs, claimMsMax) };
    const result = await store.commit(space, [claim.write], wait);
    const [revision] = result.kind === 'done' ? result.revisions : [];
    this.claimed(claim, revision);
    return this.isHeld;
  }

  /**
   * What takes or renews it, to be committed with what belongs to it; then call `claimed`.
   * Undefined: somebody else has it. Rejects with StoreError.
   */
  async claim(): Promise<Claim | undefined> {
    if (this.#held === undefined && !(await this.#mayTake())) return undefined;
    const ifRevision = this.#held?.revision ?? this.#seen?.revision ?? 0;
    return { write: this.#write(ifRevision), askedAtMs: this.#options.nowMs() };
  }

  /** @param revision Of the claim's write; undefined: the commit was not done. */
  claimed({ askedAtMs }: Claim, revision: Revision | undefined): void {
    this.#seen = undefined;
    const untilMs = askedAtMs + this.#options.ttlMs;
    this.#held = revision === undefined ? undefined : { revision, untilMs };
  }

  /**
   * What lets others have it, to be committed with what was done under it: a late holder's commit
   * conflicts. It is not held from then on. Undefined: it is not held.
   */
  takeRelease(): Write | undefined {
    const held = this.isHeld ? this.#held : undefined;
    this.#held = undefined;
    if (held === undefined) return undefined;
    return { key: this.#options.key, op: 'delete', ifRevision: held.revision };
  }

  /**
   * The write that a commit under the lease has to hold; call `guarded` with its new revision.
   * Undefined: it is not held, and nothing may be done.
   */
  guard(): Write | undefined {
    return this.isHeld && this.#held !== undefined ? this.#write(this.#held.revision) : undefined;
  }

  /** A commit with `guard` was done. It does not make the lease longer. */
  guarded(revision: Revision): void {
    if (this.#held !== undefined) this.#held = { ...this.#held, revision };
  }

  /** Lets others have it at once. Rejects with StoreError. */
  async release(): Promise<void> {
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) return;
    const { key, space, store } = this.#options;
    const write = { key, op: 'delete', ifRevision: held.revision } as const;
    await store.commit(space, [write], { deadlineMs: releaseMsMax });
  }

  /** Absent, or unchanged for as long as its holder may act, and a little more. */
  async #mayTake(): Promise<boolean> {
    const { isAlone, key, nowMs, space, store, ttlMs } = this.#options;
    const [entry] = await store.read(space, [key], { fresh: true });
    if (entry === undefined) {
      this.#seen = undefined;
      return true;
    }
    if (isAlone === true) {
      this.#seen = { revision: entry.revision, atMs: nowMs(), ttlMs: 0 };
      return true;
    }
    if (this.#seen?.revision !== entry.revision) {
      this.#seen = { revision: entry.revision, atMs: nowMs(), ttlMs: ttlOf(entry.value) ?? ttlMs };
      return false;
    }
    return this.restMs === 0;
  }

  #write(ifRevision: Revision): Write {
    const { key, ttlMs } = this.#options;
    this.#count += 1;
    const value = Buffer.from(JSON.stringify({ node: this.#holder, ttlMs, n: this.#count }));
    return { key, op: 'put', value, ifRevision };
  }
}

/**
 * How long its holder may act. Undefined for what cannot be read, such as a row of another release:
 * who threw there could never have the lease again.
 */
function ttlOf(value: Uint8Array): number | undefined {
  try {
    const { ttlMs } = JSON.parse(Buffer.from(value).toString()) ?? {};
    return Number.isFinite(ttlMs) ? ttlMs : undefined;
  } catch {
    return undefined;
  }
}
