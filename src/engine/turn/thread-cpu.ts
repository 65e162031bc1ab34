/**
 * CPU time, where the clock on the wall would lie: a thread that waits for a processor, because
 * other programs have them all, has used none. Asking the system costs eight times as much as a
 * look at the clock, so it is asked only when so much time has passed that the answer matters.
 */
import { openThreadClock, type ReadThreadCpu } from './thread-clock.ts';

/** Shorter stretches are taken for what the clock says. */
const trustedMs = 0.2;
/**
 * So old is what a stretch may begin with: one that is long may be charged for as much of what the
 * thread did before, never for more than the clock says.
 */
const recalledMs = 1;
/** A thread that turned to nobody for so long has kept others waiting, in milliseconds of CPU. */
export const stallMsMin = 4;
/** The last stretches of so much CPU time are remembered: a collector's pause is told later. */
const longKept = 32;

/** Between two looks at the clock. */
interface LongStretch {
  readonly fromMs: number;
  readonly toMs: number;
  readonly cpuMs: number;
}

/** The CPU time of this thread. */
export class ThreadCpu {
  readonly #read: ReadThreadCpu;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #cpuMs = 0;
  readonly #long: LongStretch[] = [];

  constructor(read: ReadThreadCpu = openThreadClock()) {
    this.#read = read;
  }

  /** In milliseconds; `nowMs` is when it is asked. */
  ask(nowMs: number): number {
    const cpuMs = this.#read();
    const usedMs = cpuMs - this.#cpuMs;
    if (usedMs >= stallMsMin)
      this.#noteLong({ fromMs: this.#readAtMs, toMs: nowMs, cpuMs: usedMs });
    this.#cpuMs = cpuMs;
    this.#readAtMs = nowMs;
    return cpuMs;
  }

  /**
   * How much CPU time the thread may have used within that time without a look at its clock: of
   * stretches shorter than `stallMsMin` nothing is known.
   */
  longCpuMsWithin(
    { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
    nowMs: number,
  ): number {
    this.ask(nowMs);
    const within = this.#long.filter((long) => long.fromMs < toMs && long.toMs > fromMs);
    return within.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
  }

  #noteLong(long: LongStretch): void {
    this.#long.push(long);
    if (this.#long.length > longKept) this.#long.shift();
  }

  /** The same as of at most `recalledMs` ago: never too much. */
  recall(nowMs: number): number {
    return nowMs - this.#readAtMs < recalledMs ? this.#cpuMs : this.ask(nowMs);
  }
}

/** What one run has used of the thread's CPU time: in all, of its budget and of its slice. */
export class CpuAccount {
  readonly #cpu: ThreadCpu;
  #usedMs: number;
  #budgetFromMs = 0;
  #sliceFromMs: number;
  #startedAtMs = 0;
  #startedCpuMs = 0;
  #isRunning = false;
  #stretchMs = 0;

  constructor(cpu: ThreadCpu, usedMs = 0) {
    this.#cpu = cpu;
    this.#usedMs = usedMs;
    this.#sliceFromMs = usedMs;
  }

  /** In milliseconds, until the clock was last stopped. */
  get usedMs(): number {
    return this.#usedMs;
  }

  usedMsAt(nowMs: number): number {
    return this.#isRunning ? this.#usedMs + this.#runningMs(nowMs) : this.#usedMs;
  }

  start(nowMs: number): void {
    this.#isRunning = true;
    this.#startedAtMs = nowMs;
    this.#startedCpuMs = this.#cpu.recall(nowMs);
  }

  stop(nowMs: number): void {
    const usedMs = this.usedMsAt(nowMs);
    if (this.#isRunning) this.#stretchMs = usedMs - this.#usedMs;
    this.#usedMs = usedMs;
    this.#isRunning = false;
  }

  /** How much was used between the last start and its stop. */
  get stretchMs(): number {
    return this.#stretchMs;
  }

  /** When the clock was last started. */
  get startedAtMs(): number {
    return this.#startedAtMs;
  }

  /** From `nowMs` on the run has its whole budget again. */
  renewBudget(nowMs: number): void {
    this.#budgetFromMs = this.usedMsAt(nowMs);
  }

  /** A new slice begins when the clock is started next. */
  renewSlice(): void {
    this.#sliceFromMs = this.#usedMs;
  }

  /** How much of the slice has been used, or a little more. */
  sliceMsAt(nowMs: number): number {
    const byClockMs = this.#isRunning ? nowMs - this.#startedAtMs : 0;
    return this.#usedMs + byClockMs - this.#sliceFromMs;
  }

  /** Others have used so much of the slice. */
  shortenSlice(ms: number): void {
    this.#sliceFromMs -= ms;
  }

  hasSpentBudget(budgetMs: number, nowMs: number): boolean {
    return this.#hasUsed(this.#budgetFromMs + budgetMs, nowMs);
  }

  hasSpentSlice(sliceMs: number, nowMs: number): boolean {
    return this.#hasUsed(this.#sliceFromMs + sliceMs, nowMs);
  }

  /** By the clock first: it is never behind the CPU time. */
  #hasUsed(limitMs: number, nowMs: number): boolean {
    const byClockMs = this.#isRunning ? nowMs - this.#startedAtMs : 0;
    if (this.#usedMs + byClockMs < limitMs) return false;
    return this.usedMsAt(nowMs) >= limitMs;
  }

  #runningMs(nowMs: number): number {
    const byClockMs = nowMs - this.#startedAtMs;
    if (byClockMs < trustedMs) return byClockMs;
    return Math.min(byClockMs, Math.max(0, this.#cpu.ask(nowMs) - this.#startedCpuMs));
  }
}
