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

export class Budget extends CpuAccount {
  readonly hostCalls = new HostCalls();
  readonly #parts: BudgetParts;
  readonly #cpuMsMax: number;

  /** @param cpuMsUsed What is used of it already. */
  constructor(parts: BudgetParts, cpuMsMax: number, cpuMsUsed = 0) {
    super(parts.cpu, cpuMsUsed);
    this.#parts = parts;
    this.#cpuMsMax = cpuMsMax;
  }

  override renewSlice(): void {
    this.hostCalls.renew();
    super.renewSlice();
  }

  isSpent(nowMs: number): boolean {
    return this.hasSpentBudget(this.#cpuMsMax, nowMs);
  }

  isSliceSpent(nowMs: number): boolean {
    return this.hasSpentSlice(this.#parts.scheduler.sliceMs, nowMs);
  }

  /**
   * At a check below a call of the host, where nobody else can have a turn: it may take a slice and
   * a bit more.
   */
  isCallSpent(nowMs: number): boolean {
    if (!this.hostCalls.countCheck()) return false;
    const { scheduler, guestCallMsMax } = this.#parts;
    return this.hasSpentSlice(scheduler.sliceMs + guestCallMsMax, nowMs);
  }
}
