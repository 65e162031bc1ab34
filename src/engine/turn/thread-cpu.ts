/**
 * CPU time, where the clock on the wall would lie: a thread that waits for a processor, because
 * other programs have them all, has used none. Asking the system costs eight times as much as a
 * look at the clock, so it is asked only when so much time has passed that the answer matters.
 */
import { openThreadClock, type ReadThreadCpu } from './thread-clock.ts';

/** Shorter stretches are taken for what the clock says. */
const trustedMs = 0.2;

/** The CPU time of this thread. */
export class ThreadCpu {
  readonly #read: ReadThreadCpu;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #cpuMs = 0;

  constructor(read: ReadThreadCpu = openThreadClock()) {
    this.#read = read;
  }

  /** In milliseconds; `nowMs` is when it is asked. */
  ask(nowMs: number): number {
    this.#cpuMs = this.#read();
    this.#readAtMs = nowMs;
    return this.#cpuMs;
  }

  /** The same as of at most `trustedMs` ago: never too much. */
  recall(nowMs: number): number {
    return nowMs - this.#readAtMs < trustedMs ? this.#cpuMs : this.ask(nowMs);
  }
}

/** What one run has used of the thread's CPU time: in all, of its budget and of its slice. */
export class CpuAccount {
  readonly #cpu: ThreadCpu;
  #usedMs = 0;
  #budgetFromMs = 0;
  #sliceFromMs = 0;
  #startedAtMs = 0;
  #startedCpuMs = 0;
  #isRunning = false;

  constructor(cpu: ThreadCpu) {
    this.#cpu = cpu;
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
    this.#usedMs = this.usedMsAt(nowMs);
    this.#isRunning = false;
  }

  /** From `nowMs` on the run has its whole budget again. */
  renewBudget(nowMs: number): void {
    this.#budgetFromMs = this.usedMsAt(nowMs);
  }

  /** A new slice begins when the clock is started next. */
  renewSlice(): void {
    this.#sliceFromMs = this.#usedMs;
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
