/**
 * One run's time on the thread: whether it holds it, how much of its budget it has used, what its
 * stacks wait for, and the one place where it can be ended. A run that is given up is always ended,
 * never abandoned: a suspended guest whose promise never settles is never freed
 * (docs/spec/engine.md, A5).
 */

import type { RunEnd } from '../../abi/abi.ts';
import type { Account } from '../../account/account.ts';
import type { Share } from '../../account/share.ts';
import type { Shares } from '../../account/shares.ts';
import type { ErrorRecord } from '../../errors.ts';
import type { Watched } from '../../limit-clock.ts';
import type { LedgerPage } from '../../threads/ledger.ts';
import type { Droppable } from '../attempt/attempting.ts';
import type { MarksOwner } from '../restore/card-table.ts';
import type { ServingInstance } from '../serving.ts';
import type { RunObjects } from '../supply/object-heap.ts';
import { Budget, type BudgetParts } from '../turn/budget.ts';
import { Ending, type HostEnd } from '../turn/ending.ts';
import { Delivery, type GiveUp, type GoOn, type Waiting } from '../turn/follow.ts';
import { FuelGauge } from '../turn/fuel-gauge.ts';
import type { HostCalls } from '../turn/host-calls.ts';
import type { Scheduler } from '../turn/scheduler.ts';
import { type StackOwner, Stacks } from '../turn/stacks.ts';
import type { Stalls } from '../turn/stalls.ts';
import { stallMsMin } from '../turn/thread-cpu.ts';
import { MemoryQuota } from './memory-quota.ts';
import { describeTrap } from './trap-report.ts';

/** What all runs of a thread share. */
export interface ThreadParts extends BudgetParts {
  readonly scheduler: Scheduler<Activation>;
  /** The exception no guest can catch; see trap.ts. */
  readonly trap: WebAssembly.RuntimeError;
  readonly page: LedgerPage;
  /** What the process holds; see account/account.ts. */
  readonly account: Account;
  /** Who kept everybody waiting; left out: nobody asks. */
  readonly stalls?: Stalls;
  /** Read anew for each run: an operator may change it. */
  readonly limits: { readonly cpuMsMax: number };
  readonly memoryBytesMax: number;
}

export class Activation implements StackOwner, Watched, Waiting {
  readonly shares: Shares;
  /** What the run's owner holds of the process. */
  readonly share: Share;
  /** For the clock of runs. */
  deadlineMs = 0;
  earlier: Watched | undefined;
  later: Watched | undefined;
  /** What the run has taken of the thread's heap, once it takes something. */
  objects: RunObjects | undefined;
  /** Which limit ended the run as `out-of-cpu`, where it is not that of the run. */
  cpuRefusal: string | undefined;
  /** A table grew: it cannot shrink again, so the instance serves no other run. */
  hasGrownTable = false;
  /** Fuel given since it began, beyond what was left each time: see `Guest.fuelUsed`. */
  refuelled = 0;
  /** Where the host's calls into the guest are counted. */
  readonly hostCalls: HostCalls;
  readonly gauge: FuelGauge;
  /** Of the cores but the first, which nearly all programs have alone. */
  #otherGauges: FuelGauge[] | undefined;
  /** While it runs on the thread's own stack. */
  attempt: Droppable | undefined;
  /** Whether a stack of it has waited for anything but the thread at first. */
  hasWaited = false;
  /** The instance that serves the run. */
  instance: ServingInstance | undefined;
  /** The number of its service; see crossings.ts. */
  serving = 0;
  #marks: MarksOwner | undefined;
  /** Another run has the thread, which this one goes on with when that has let go of it. */
  #isLending = false;
  #lentAtMs = 0;
  readonly #parts: ThreadParts;
  readonly #digestWords: Int32Array;
  readonly #budget: Budget;
  readonly #memoryBytesMax: number;
  readonly #ending: Ending;
  readonly #stacks: Stacks<Activation>;
  /** Made when memory grows: most runs have what they begin with. */
  #quota: MemoryQuota | undefined;

  constructor(
    parts: ThreadParts,
    run: {
      readonly shares: Shares;
      readonly digestWords: Int32Array;
      readonly fuel: number;
      /** Where it is not that of all runs. */
      readonly cpuMsMax?: number | undefined;
      /** What it has used of that before it was begun anew. */
      readonly cpuMsUsed?: number | undefined;
      readonly memoryBytesMax?: number | undefined;
    },
  ) {
    this.#parts = parts;
    this.shares = run.shares;
    this.share = parts.account.shareOf(run.shares.owner);
    this.#digestWords = run.digestWords;
    this.gauge = new FuelGauge(run.fuel);
    this.#budget = new Budget(parts, run.cpuMsMax ?? parts.limits.cpuMsMax, run.cpuMsUsed);
    this.#memoryBytesMax = run.memoryBytesMax ?? parts.memoryBytesMax;
    this.hostCalls = this.#budget.hostCalls;
    this.#ending = new Ending(parts.trap);
    this.#stacks = new Stacks(parts, this, this.#budget);
  }

  /** CPU time used until the last time the thread was let go, in milliseconds. */
  get cpuMs(): number {
    return this.#budget.usedMs;
  }

  /** CPU time used until now, in microseconds. */
  cpuUsNow(): number {
    return this.#budget.usedMsAt(this.#parts.nowMs()) * 1_000;
  }

  /** From now on the run has its whole CPU budget again. */
  renewBudget(): void {
    this.#budget.renewBudget(this.#parts.nowMs());
  }

  get hostEnd(): HostEnd | undefined {
    return this.#ending.byHost;
  }

  get isEnding(): boolean {
    return this.#ending.isSet;
  }

  get holdsThread(): boolean {
    return this.#stacks.holdsThread && !this.#isLending;
  }

  /** Whether it has the thread from a run that lent it: not beyond the call that it is in. */
  get hasBorrowed(): boolean {
    return this.#parts.scheduler.current === this && this.#parts.scheduler.isBorrowed;
  }

  /** The fuel of core number `core`: one that counts another's would be measured wrongly. */
  gaugeOf(core: number): FuelGauge {
    if (core === 0) return this.gauge;
    this.#otherGauges ??= [];
    this.#otherGauges[core] ??= new FuelGauge(this.gauge.fuel);
    return this.#otherGauges[core];
  }

  /** The cards the run marks whenever it has the thread, which it has now. */
  takeMarks(marks: MarksOwner | undefined): void {
    this.#marks = marks;
    marks?.own();
  }

  /** Waits for the thread; see `Stacks`. Rejects with the trap when the run is ended meanwhile. */
  enter(nowMs?: number, borrows?: boolean): Promise<void> | undefined {
    return this.#stacks.enter(nowMs, borrows);
  }

  leave(nowMs?: number): void {
    this.#stacks.leave(nowMs);
  }

  /** Ends the stacks that still wait though the entry has ended; false: there was none. */
  endOthers(): boolean {
    if (!this.#stacks.giveUpAll(this.#ending.trap)) return false;
    this.#ending.endByGuest({ kind: 'returned' });
    return true;
  }

  /** The run is over: nothing is held for it any more. */
  finish(nowMs?: number): void {
    this.#stacks.giveUpAll(this.#ending.trap);
    this.leave(nowMs);
    this.objects?.close();
  }

  onTurn(nowMs: number): void {
    this.#stacks.onTurn(nowMs);
  }

  onBegin(nowMs: number): void {
    this.#startClock(nowMs);
    this.#parts.page.enter(this.#digestWords);
  }

  onLeave(nowMs: number): void {
    const { page, stalls } = this.#parts;
    page.leave();
    const { startedAtMs: fromMs, stretchMs: ms } = this.#budget;
    if (ms >= stallMsMin) stalls?.noteStretch(this.shares.owner, ms, { fromMs, toMs: nowMs });
  }

  sliceMsAt(nowMs: number): number {
    return this.#budget.sliceMsAt(nowMs);
  }

  onLent(nowMs: number): number {
    this.#budget.stop(nowMs);
    this.onLeave(nowMs);
    this.#isLending = true;
    this.#lentAtMs = nowMs;
    return this.#budget.stretchMs;
  }

  onGivenBack(nowMs: number): void {
    this.#isLending = false;
    this.#budget.shortenSlice(nowMs - this.#lentAtMs);
    this.onBegin(nowMs);
  }

  /** It has trapped, which is told a moment later; or it would go on, on another's account. */
  onRecalled(): void {
    this.#ending.recall();
    this.#stacks.giveUpAll(this.#ending.trap);
    this.leave();
  }

  onDeadline(): void {
    this.end('out-of-time');
  }

  /**
   * Ends the run from outside. Stacks that wait are woken with the trap, so that they are freed; a
   * running one ends at its next check or hostcall.
   */
  end(cause: HostEnd): void {
    if (this.isEnding) return;
    this.#ending.endByHost(cause);
    this.#stacks.giveUpAll(this.#ending.trap);
  }

  /** Notes how the guest ended itself, and gives what must be thrown for it. */
  endByGuest(end: RunEnd): WebAssembly.RuntimeError {
    this.#ending.endByGuest(end);
    return this.#ending.trap;
  }

  /** The same for an error below the guest; an attempt may have had less of the stack. */
  endByError(error: unknown): WebAssembly.RuntimeError {
    const { trap } = this.#ending;
    if (error instanceof RangeError && this.attempt !== undefined) return this.attempt.drop();
    return error === trap
      ? trap
      : this.endByGuest({ kind: 'trapped', reason: this.#describe(error) });
  }

  /** Lets a trap of the guest pass, unless the host ended the run: it may try otherwise. */
  forgive(): boolean {
    return this.#ending.forgive();
  }

  /** @throws when the run is to end: at every hostcall */
  requireAlive(): void {
    if (this.#ending.isSet) throw this.#ending.trap;
  }

  /** @throws where it is to end, or cannot wait for `work`: then it is begun anew */
  requireWaiting(work?: Promise<unknown>): void {
    if (this.attempt !== undefined) throw this.attempt.drop(work);
    this.requireAlive();
    this.hasWaited = true;
  }

  /**
   * How the run ended, from what the guest's promise was rejected with.
   *
   * @throws our own errors
   */
  explain(error: unknown): RunEnd {
    return this.#ending.explain(error, (thrown) => this.#describe(thrown));
  }

  /** Waits for something of the host's that is no part of the guest's own time. */
  waitOutside<T>(work: Promise<T>): Promise<T> {
    return this.#stacks.waitOutside(work);
  }

  /**
   * Suspends the guest for a hostcall's answer; it goes on when it has the thread again. Steps that
   * are the answer are done then.
   */
  suspend(work: Promise<unknown>): Promise<unknown> {
    if (this.attempt !== undefined) throw this.attempt.drop(work);
    return new Promise((resolve, reject) => {
      this.waitForWork(work, new Delivery(this, { resolve, reject }), reject);
    });
  }

  waitForWork(work: Promise<unknown>, goOn: GoOn, giveUp: GiveUp): void {
    this.#stacks.waitForWork(work, goOn, giveUp);
  }

  waitForTurn(goOn: () => void, giveUp: GiveUp): void {
    this.#stacks.waitForTurn(goOn, giveUp);
  }

  /**
   * Calls the guest on a stack of its own, beside those that wait: `call` is a promising export.
   * What ends this call otherwise than by a result ends the whole run.
   */
  async callBeside<T>(call: () => Promise<T>): Promise<T> {
    this.requireWaiting();
    await this.#stacks.waitForThread();
    try {
      return await call();
    } catch (error) {
      const trap = this.endByError(error);
      this.#stacks.giveUpAll(this.#ending.trap);
      throw trap;
    } finally {
      // A run that is over lets go of the thread when its entry has ended.
      if (!this.isEnding) this.leave();
    }
  }

  /** The hostcall `check` of a metered core: the next fuel, or -1 for `pause`. May throw. */
  check(remaining: number, core = 0): number {
    this.requireAlive();
    const nowMs = this.#parts.nowMs();
    this.#requireBudget(nowMs);
    const fuel = this.gaugeOf(core).refill(remaining, nowMs);
    this.refuelled += fuel - remaining;
    if (!this.hostCalls.isWithin) return this.#budget.isSliceSpent(nowMs) ? -1 : fuel;
    this.#requireShortCall(nowMs);
    return fuel;
  }

  /**
   * Looks at the clock where no fuel is counted.
   *
   * @throws when the budget is used up; true when others should have a turn soon
   */
  looksOverdue(): boolean {
    const nowMs = this.#parts.nowMs();
    this.#requireBudget(nowMs);
    return this.#budget.isSliceSpent(nowMs);
  }

  /** Why memory was refused to the guest: if it traps now, that is why. */
  get memoryRefusal(): ErrorRecord | undefined {
    return this.#quota?.refusal;
  }

  get quota(): MemoryQuota {
    this.#quota ??= new MemoryQuota(this.#memoryBytesMax);
    return this.#quota;
  }

  /** May memory number `memory` have so many bytes? All memories together are bounded. */
  allowMemory(memory: number, bytes: number): boolean {
    return this.quota.allows(this.instance, memory, bytes);
  }

  /** Calls into the guest on the run's account, whoever holds the thread. */
  callGuest<A, T>(callee: (arg: A) => T, arg: A): T {
    if (this.holdsThread) return this.hostCalls.call(callee, arg);
    const { scheduler, nowMs } = this.#parts;
    const holder = scheduler.current;
    return scheduler.borrow(this, () => {
      this.#startClock(nowMs());
      try {
        return this.hostCalls.call(callee, arg);
      } finally {
        this.#budget.stop(nowMs());
        if (holder !== undefined) holder.#marks?.own();
      }
    });
  }

  #describe(error: unknown): string {
    return describeTrap(error, this.instance?.offsets);
  }

  #requireBudget(nowMs: number): void {
    if (!this.#budget.isSpent(nowMs)) return;
    this.#ending.endByBudget();
    throw this.#ending.trap;
  }

  /** An allocator takes microseconds; one that computes would keep everybody waiting. */
  #requireShortCall(nowMs: number): void {
    if (!this.#budget.isCallSpent(nowMs)) return;
    const { guestCallMsMax } = this.#parts;
    this.cpuRefusal = `was called for memory and took more than ${guestCallMsMax} ms`;
    this.#ending.endByBudget();
    throw this.#ending.trap;
  }

  #startClock(nowMs: number): void {
    this.#budget.start(nowMs);
    this.gauge.interrupt();
    if (this.#otherGauges !== undefined) for (const gauge of this.#otherGauges) gauge?.interrupt();
    this.#marks?.own();
  }
}
