/**
 * What each of many owes for time that it took from everybody: a sum that is paid off by and by, so
 * that it says how much of the time lately was taken. Pure: the time is handed in.
 */
import type { OwnerKey } from '../names.ts';

/** `held`: owes more than may be owed. `watched`: did so not long ago. */
export type Standing = 'free' | 'watched' | 'held';

export interface DebtRule {
  /** How much of each second is paid off, in milliseconds. */
  readonly paidMsPerS: number;
  /** Whoever owes more is held. */
  readonly freeMs: number;
  /** Beyond `freeMs` nobody owes more than this, whatever was taken. */
  readonly heldMsMax: number;
  /** Whoever took something is watched for so long. */
  readonly watchedMs: number;
  readonly ownersMax: number;
}

interface Debt {
  ms: number;
  /** When it was last added to. */
  atMs: number;
}

export class Debts {
  readonly #rule: DebtRule;
  /** Who was charged last at the end. */
  readonly #debts = new Map<OwnerKey, Debt>();

  constructor(rule: DebtRule) {
    this.#rule = rule;
  }

  get size(): number {
    return this.#debts.size;
  }

  /** The owner has taken so much time from everybody. */
  charge(owner: OwnerKey, ms: number, nowMs: number): void {
    const { freeMs, heldMsMax, ownersMax } = this.#rule;
    const owed = this.of(owner, nowMs) + ms;
    this.#debts.delete(owner);
    const [oldest] = this.#debts.keys();
    if (this.#debts.size >= ownersMax && oldest !== undefined) this.#debts.delete(oldest);
    this.#debts.set(owner, { ms: Math.min(owed, freeMs + heldMsMax), atMs: nowMs });
  }

  /** In milliseconds. */
  of(owner: OwnerKey, nowMs: number): number {
    const debt = this.#debts.get(owner);
    if (debt === undefined) return 0;
    return Math.max(0, debt.ms - ((nowMs - debt.atMs) / 1_000) * this.#rule.paidMsPerS);
  }

  standing(owner: OwnerKey, nowMs: number): Standing {
    const debt = this.#debts.get(owner);
    if (debt === undefined) return 'free';
    if (this.of(owner, nowMs) > this.#rule.freeMs) return 'held';
    return nowMs - debt.atMs < this.#rule.watchedMs ? 'watched' : 'free';
  }

  /** All who owe or are watched; those who are free again are told once more, and forgotten. */
  *review(nowMs: number): IterableIterator<readonly [OwnerKey, Standing]> {
    for (const owner of this.#debts.keys()) {
      const standing = this.standing(owner, nowMs);
      if (standing === 'free') this.#debts.delete(owner);
      yield [owner, standing];
    }
  }
}
