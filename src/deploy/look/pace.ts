/**
 * How fast folders are walked: entries looked at per second, by owner and in all. Ten folders with
 * twenty thousand directories each are walked all the same, but slowly, and beside everything else.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { TerrafirmaError } from '../../errors.ts';
import type { OwnerKey } from '../../names.ts';

export interface PaceOptions {
  readonly entriesPerSecondMax: number;
  readonly nowMs: () => number;
  readonly wait?: (delayMs: number, signal: AbortSignal) => Promise<unknown>;
}

/** The pace of one owner's walks. */
export interface OwnerPace {
  /** Resolves when so many more entries may be looked at. Rejects with 'draining' at the end. */
  take(entries: number): Promise<void>;
}

/** What an owner may look at without a pause, in seconds of the pace: small folders never wait. */
const burstS = 1;
/** All owners together, as a multiple of one owner's pace. */
const totalFactor = 2;
/** Owners of whom something is remembered: those who have walked in the last second. */
const ownersSweptAt = 1_024;

/** When the last entry taken will have been paid for, in milliseconds. */
interface Debt {
  paidAtMs: number;
}

export class WalkPace {
  readonly #perSecond: number;
  readonly #nowMs: () => number;
  readonly #wait: (delayMs: number, signal: AbortSignal) => Promise<unknown>;
  readonly #closing = new AbortController();
  readonly #total: Debt = { paidAtMs: 0 };
  readonly #owners = new Map<OwnerKey, Debt>();

  constructor(options: PaceOptions) {
    this.#perSecond = options.entriesPerSecondMax;
    this.#nowMs = options.nowMs;
    this.#wait =
      options.wait ?? ((delayMs, signal) => wait(delayMs, undefined, { ref: false, signal }));
  }

  /** Owners that something is remembered of. */
  get ownerCount(): number {
    return this.#owners.size;
  }

  forOwner(owner: OwnerKey): OwnerPace {
    return { take: (entries) => this.#take(owner, entries) };
  }

  /** Ends every walk: whoever waits, or asks for more, gets TerrafirmaError 'draining'. */
  close(): void {
    this.#closing.abort();
  }

  async #take(owner: OwnerKey, entries: number): Promise<void> {
    const nowMs = this.#nowMs();
    const own = this.#debtOf(owner, nowMs);
    const ownMs = charge(own, { nowMs, costMs: (entries * 1_000) / this.#perSecond });
    await this.#pause(ownMs);
    // Only what is looked at now: an owner who waits for his own pace is in nobody's way.
    const costMs = (entries * 1_000) / (this.#perSecond * totalFactor);
    const totalMs = charge(this.#total, { nowMs: this.#nowMs(), costMs });
    await this.#pause(totalMs);
  }

  async #pause(delayMs: number): Promise<void> {
    const { signal } = this.#closing;
    try {
      if (delayMs > 0 && !signal.aborted) await this.#wait(delayMs, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    if (signal.aborted) throw new TerrafirmaError('draining');
  }

  #debtOf(owner: OwnerKey, nowMs: number): Debt {
    const known = this.#owners.get(owner);
    if (known !== undefined) return known;
    if (this.#owners.size >= ownersSweptAt) this.#forgetPaid(nowMs);
    const debt = { paidAtMs: 0 };
    this.#owners.set(owner, debt);
    return debt;
  }

  #forgetPaid(nowMs: number): void {
    for (const [owner, { paidAtMs }] of this.#owners) {
      if (paidAtMs <= nowMs) this.#owners.delete(owner);
    }
  }
}

/** Adds to the debt; answers how long to wait until it is within its burst again. */
function charge(debt: Debt, of: { nowMs: number; costMs: number }): number {
  debt.paidAtMs = Math.max(debt.paidAtMs, of.nowMs) + of.costMs;
  return Math.max(0, debt.paidAtMs - of.nowMs - burstS * 1_000);
}
