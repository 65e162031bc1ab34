/** A run's CPU time against its limits: of the run, of its slice, of one call of the host. */
import { HostCalls } from './host-calls.ts';
import { CpuAccount, type ThreadCpu } from './thread-cpu.ts';

export interface BudgetParts {
  readonly cpu: ThreadCpu;
  /** Milliseconds since some instant. */
  readonly nowMs: () => number;
  readonly scheduler: { readonly sliceMs: number };
  /** How long the host's call of a guest may go on beyond a slice, in milliseconds. */
  readonly guestCallMsMax: number;
}

export class Budget {
  readonly hostCalls = new HostCalls();
  readonly #parts: BudgetParts;
  readonly #cpuMsMax: number;
  readonly #account: CpuAccount;

  constructor(parts: BudgetParts, cpuMsMax: number) {
    this.#parts = parts;
    this.#cpuMsMax = cpuMsMax;
    this.#account = new CpuAccount(parts.cpu);
  }

  /** Until the clock was last stopped, in milliseconds. */
  get usedMs(): number {
    return this.#account.usedMs;
  }

  /** Until now, in milliseconds. */
  get usedMsNow(): number {
    return this.#account.usedMsAt(this.#parts.nowMs());
  }

  /** From now on the run has its whole budget again. */
  renew(): void {
    this.#account.renewBudget(this.#parts.nowMs());
  }

  start(nowMs: number): void {
    this.#account.start(nowMs);
  }

  stop(nowMs: number): void {
    this.#account.stop(nowMs);
  }

  /** A new slice begins when the clock is started next. */
  renewSlice(): void {
    this.hostCalls.renew();
    this.#account.renewSlice();
  }

  isSpent(nowMs: number): boolean {
    return this.#account.hasSpentBudget(this.#cpuMsMax, nowMs);
  }

  hasSpentSlice(nowMs: number): boolean {
    return this.#account.hasSpentSlice(this.#parts.scheduler.sliceMs, nowMs);
  }

  /**
   * At a check below a call of the host, where nobody else can have a turn: it may take a slice and
   * a bit more.
   */
  hasSpentCall(nowMs: number): boolean {
    if (!this.hostCalls.countCheck()) return false;
    const { scheduler, guestCallMsMax } = this.#parts;
    return this.#account.hasSpentSlice(scheduler.sliceMs + guestCallMsMax, nowMs);
  }
}
