/**
 * Work of many owners, a few pieces at a time: next comes the owner who has used the least lately.
 * Where there is more than one place, no owner has them all: one owner's five slow modules leave
 * room for another's deploy. Pure but for the clock.
 */

import { TerrafirmaError } from '../errors.ts';
import type { OwnerKey } from '../names.ts';
import { Counts } from './counts.ts';
import { mayHold } from './threshold.ts';

export interface OwnerQueueOptions {
  /** Pieces of work at once. */
  readonly runningMax: number;
  /** Of one owner; left out: all but one, where there is more than one. */
  readonly runningPerOwnerMax?: number;
  /** Pieces of all owners that run or wait; an owner has no more than are left for the others. */
  readonly queuedMax: number;
  readonly nowMs: () => number;
}

interface Waiting {
  readonly owner: OwnerKey;
  readonly begin: () => void;
}

interface Usage {
  /** Milliseconds of work, halved with every `halfLifeMs`. */
  usedMs: number;
  atMs: number;
}

/** What an owner used is half forgotten after this time. */
const halfLifeMs = 60_000;
/** Owners of which it is known what they used; the rest counts as none. */
const ownersRememberedMax = 10_000;

export class OwnerQueue {
  readonly #options: OwnerQueueOptions;
  readonly #waiting: Waiting[] = [];
  readonly #running = new Counts<OwnerKey>();
  /** Those that run, too. */
  readonly #queued = new Counts<OwnerKey>();
  readonly #usage = new Map<OwnerKey, Usage>();

  constructor(options: OwnerQueueOptions) {
    this.#options = options;
  }

  /** Pieces that run or wait. */
  get size(): number {
    return this.#queued.total;
  }

  /**
   * Does `work` when its owner's turn comes.
   *
   * @throws TerrafirmaError `overloaded` when too many wait, and what `work` throws.
   */
  async pass<T>(owner: OwnerKey, work: () => Promise<T>): Promise<T> {
    await this.#enter(owner);
    const startedAtMs = this.#options.nowMs();
    try {
      return await work();
    } finally {
      this.#leave(owner, this.#options.nowMs() - startedAtMs);
    }
  }

  async #enter(owner: OwnerKey): Promise<void> {
    const { queuedMax: max } = this.#options;
    if (!mayHold({ max, held: this.#queued.total, own: this.#queued.of(owner), added: 1 })) {
      const rule = `at most ${max} may wait, of one owner as many as are left for the others`;
      throw new TerrafirmaError('overloaded', `Cannot judge the module now: ${rule}`);
    }
    this.#queued.add(owner, 1);
    if (this.#hasPlaceFor(owner)) {
      this.#begin(owner);
      return;
    }
    await new Promise<void>((begin) => this.#waiting.push({ owner, begin }));
  }

  #leave(owner: OwnerKey, usedMs: number): void {
    this.#running.add(owner, -1);
    this.#queued.add(owner, -1);
    this.#charge(owner, usedMs);
    for (let next = this.#takeNext(); next !== undefined; next = this.#takeNext()) {
      this.#begin(next.owner);
      next.begin();
    }
  }

  #hasPlaceFor(owner: OwnerKey): boolean {
    const { runningMax, runningPerOwnerMax = Math.max(1, runningMax - 1) } = this.#options;
    if (this.#running.total >= runningMax) return false;
    return this.#running.of(owner) < runningPerOwnerMax;
  }

  #begin(owner: OwnerKey): void {
    this.#running.add(owner, 1);
  }

  /** The first piece of the owner who has used the least, of those who have a place. */
  #takeNext(): Waiting | undefined {
    let best: { readonly index: number; readonly usedMs: number } | undefined;
    const seen = new Set<OwnerKey>();
    for (const [index, { owner }] of this.#waiting.entries()) {
      if (seen.has(owner)) continue;
      seen.add(owner);
      if (!this.#hasPlaceFor(owner)) continue;
      const usedMs = this.#usedMs(owner);
      if (best === undefined || usedMs < best.usedMs) best = { index, usedMs };
    }
    return best === undefined ? undefined : this.#waiting.splice(best.index, 1)[0];
  }

  #usedMs(owner: OwnerKey): number {
    const usage = this.#usage.get(owner);
    if (usage === undefined) return 0;
    return usage.usedMs * 0.5 ** ((this.#options.nowMs() - usage.atMs) / halfLifeMs);
  }

  #charge(owner: OwnerKey, ms: number): void {
    const usedMs = this.#usedMs(owner) + ms;
    this.#usage.delete(owner);
    this.#usage.set(owner, { usedMs, atMs: this.#options.nowMs() });
    const [oldest] = this.#usage.keys();
    if (this.#usage.size > ownersRememberedMax && oldest !== undefined) this.#usage.delete(oldest);
  }
}
