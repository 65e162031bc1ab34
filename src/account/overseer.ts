/**
 * The control plane's part of the account: it measures what the process really has, tells the
 * threads how much of that nobody has charged, and lets idle guests go, oldest first over all
 * threads, while memory is short. Touches what the system says of this process.
 */
import { Account } from './account.ts';
import { Calm } from './calm.ts';
import { residentBytes } from './resident-bytes.ts';
import { clearPage, headerWord } from './shared.ts';
import { TidyPlan } from './tidy-plan.ts';

export interface OverseerOptions {
  readonly shared: SharedArrayBuffer;
  /** As `residentBytes`; for tests. */
  readonly residentBytes?: (() => number | undefined) | undefined;
  readonly nowMs?: (() => number) | undefined;
  /** How long guests may stay idle while memory is plenty. */
  readonly idleGuestMsMax: number;
}

/** Shorter and shorter: after so many looks a guest may be idle for no time at all. */
const looksToNothing = 12;

export class Overseer {
  readonly #options: OverseerOptions;
  readonly #words: Float64Array;
  readonly #account: Account;
  #shortLooks = 0;
  /** As last told. */
  #residentBytes = 0;
  readonly #calm = new Calm();
  readonly #plan = new TidyPlan();

  constructor(options: OverseerOptions) {
    this.#options = options;
    this.#words = new Float64Array(options.shared);
    this.#account = new Account(options.shared, 'control');
  }

  /** The program stands and has nothing to do yet: what it has now it needs for itself. */
  begin(): void {
    this.look();
    this.#words[headerWord.baseBytes] = this.#words[headerWord.outsideBytes] ?? 0;
  }

  /** To be called every moment. */
  look(): void {
    const { residentBytes: ask = residentBytes } = this.#options;
    const { bytes, idleBytes } = this.#account.held();
    const base = this.#words[headerWord.baseBytes] ?? 0;
    this.#residentBytes = ask() ?? this.#residentBytes;
    const outside = this.#residentBytes - bytes - idleBytes;
    this.#words[headerWord.outsideBytes] = Math.max(base, outside);
    this.#limitIdleTime();
    this.#askForTidiness(bytes);
  }

  /** A serving thread has died. Call before another takes its place. */
  forget(threadNumber: number): void {
    clearPage(this.#options.shared, threadNumber);
  }

  #askForTidiness(heldBytes: number): void {
    const outsideBytes = this.#words[headerWord.outsideBytes] ?? 0;
    const baseBytes = this.#words[headerWord.baseBytes] ?? 0;
    if (baseBytes === 0) return;
    const { isShort, utilization: share } = this.#account;
    const { nowMs = () => performance.now() } = this.#options;
    const isCalm = this.#calm.look({ share, nowMs: nowMs() });
    if (!this.#plan.next({ heldBytes, outsideBytes, baseBytes, isShort, isCalm })) return;
    this.#words[headerWord.collectRounds] = (this.#words[headerWord.collectRounds] ?? 0) + 1;
  }

  #limitIdleTime(): void {
    this.#shortLooks = this.#account.isShort ? Math.min(this.#shortLooks + 1, looksToNothing) : 0;
    const { idleGuestMsMax } = this.#options;
    const isLast = this.#shortLooks === looksToNothing;
    this.#words[headerWord.idleMs] = isLast ? 0 : idleGuestMsMax / 2 ** this.#shortLooks;
  }
}
