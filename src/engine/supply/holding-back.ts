/**
 * Holds an owner back whose runs keep everybody waiting, until what they took is no more than a
 * small part of the time: its next runs wait for their seats, as many as may, and then have a few
 * at once for a while. Only while others are there: alone on a thread nobody is kept waiting.
 */
import type { Account } from '../../account/account.ts';
import { type DebtRule, Debts, type Standing } from '../../account/debts.ts';
import type { OwnerKey } from '../../names.ts';
import type { Admission } from './admission.ts';

export interface HoldingBackOptions {
  readonly account: Pick<Account, 'knownShareOf' | 'ownerChanges'>;
  readonly admission: Pick<Admission, 'limitOwner'>;
  /** Read anew each time. */
  readonly limits: { readonly stallMsPerSMax: number };
  /** An owner is held back from now on. */
  readonly onHeld?: ((owner: OwnerKey) => void) | undefined;
}

/** Something is always slow once: two pauses of the collector. */
const freeMs = 40;
/** Nobody is held for more than ten seconds after the last time, by the usual setting. */
const heldMsMax = 100;
/** Runs of whoever owes more than this get no more objects: four pauses at once. */
const exceedingMs = 90;
const watchedMs = 30_000;
const ownersMax = 1_000;
/** Of an owner that was held not long ago, on the thread. */
const watchedRunsMax = 4;
/** Nobody else has been there for so long: there is nobody to keep waiting. */
const aloneAfterMs = 2_000;

const runsMaxOf: { readonly [standing in Standing]: number } = {
  held: 0,
  watched: watchedRunsMax,
  free: Number.POSITIVE_INFINITY,
};

class OwnDebtRule implements DebtRule {
  readonly freeMs = freeMs;
  readonly heldMsMax = heldMsMax;
  readonly watchedMs = watchedMs;
  readonly ownersMax = ownersMax;
  readonly #limits: HoldingBackOptions['limits'];

  constructor(limits: HoldingBackOptions['limits']) {
    this.#limits = limits;
  }

  get paidMsPerS(): number {
    return this.#limits.stallMsPerSMax;
  }
}

export class HoldingBack {
  readonly #options: HoldingBackOptions;
  readonly #debts: Debts;
  /** Of those who are not free, as admission was told. */
  readonly #told = new Map<OwnerKey, Standing>();
  #ownerChanges: number;
  #othersAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: HoldingBackOptions) {
    const { limits } = options;
    this.#options = options;
    this.#ownerChanges = options.account.ownerChanges;
    this.#debts = new Debts(new OwnDebtRule(limits));
  }

  isHeld(owner: OwnerKey): boolean {
    return this.#told.get(owner) === 'held';
  }

  /** The owner has held everybody up for so long. */
  charge(owner: OwnerKey, ms: number, nowMs: number): void {
    this.#debts.charge(owner, ms, nowMs);
    this.#lookForOthers(nowMs);
    this.#tell(owner, this.#debts.standing(owner, nowMs), nowMs);
    this.#mark(owner, nowMs);
  }

  /** To be called every moment. */
  look(nowMs: number): void {
    this.#lookForOthers(nowMs);
    if (this.#debts.size === 0) return;
    for (const [owner, standing] of this.#debts.review(nowMs)) {
      this.#tell(owner, standing, nowMs);
      this.#mark(owner, nowMs);
    }
    // Who was forgotten, because too many owe.
    for (const owner of this.#told.keys()) {
      if (this.#debts.standing(owner, nowMs) !== 'free') continue;
      this.#tell(owner, 'free', nowMs);
      this.#mark(owner, nowMs);
    }
  }

  /**
   * Whether the owner's runs that are under way go on keeping everybody waiting, though no new ones
   * begin: a hundred of them may have begun before their objects were noticed.
   */
  #mark(owner: OwnerKey, nowMs: number): void {
    const isHeld = this.isHeld(owner);
    const isStalling = isHeld && this.#debts.of(owner, nowMs) > exceedingMs;
    this.#options.account.knownShareOf(owner)?.mark({ isHeld, isStalling });
  }

  #lookForOthers(nowMs: number): void {
    const { ownerChanges } = this.#options.account;
    if (ownerChanges !== this.#ownerChanges) this.#othersAtMs = nowMs;
    this.#ownerChanges = ownerChanges;
  }

  #tell(owner: OwnerKey, deserved: Standing, nowMs: number): void {
    const isAlone = nowMs - this.#othersAtMs >= aloneAfterMs;
    const standing = isAlone ? 'free' : deserved;
    const before = this.#told.get(owner) ?? 'free';
    if (standing === before) return;
    // One that did little is not watched.
    if (standing === 'watched' && before === 'free') return;
    if (standing === 'free') this.#told.delete(owner);
    else this.#told.set(owner, standing);
    if (standing === 'held') this.#options.onHeld?.(owner);
    this.#options.admission.limitOwner(owner, runsMaxOf[standing]);
  }
}
