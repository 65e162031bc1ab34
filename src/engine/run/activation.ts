/**
 * One run's time on the thread: whether it holds it, how much of its budget it has used, what it
 * waits for, and the one place where it can be ended. A run that is given up is always ended, never
 * abandoned: a suspended guest whose promise never settles is never freed (docs/spec/engine.md,
 * A5).
 */

import type { RunEnd } from '../../abi/abi.ts';
import type { Account } from '../../account/account.ts';
import type { Share } from '../../account/share.ts';
import type { Shares } from '../../account/shares.ts';
import { inBytes } from '../../amounts.ts';
import { type ErrorRecord, TerrafirmaError } from '../../errors.ts';
import type { Watched } from '../../limit-clock.ts';
import type { LedgerPage } from '../../threads/ledger.ts';
import type { CardMarks } from '../restore/card-table.ts';
import type { ServingInstance } from '../serving.ts';
import type { RunObjects } from '../supply/object-heap.ts';
import { deliver, type GiveUp, type GoOn, type Waiting } from '../turn/follow.ts';
import { FuelGauge } from '../turn/fuel-gauge.ts';
import { HostCalls } from '../turn/host-calls.ts';
import type { Line, Scheduler, Turn } from '../turn/scheduler.ts';
import { CpuAccount, type ThreadCpu } from '../turn/thread-cpu.ts';
import { describeTrap } from './trap-report.ts';

/** Why a run was ended by the host; where the guest ends itself it is a `RunEnd`. */
export type HostEnd = 'out-of-cpu' | 'out-of-time' | 'abandoned';

/** What all runs of a thread share. */
export interface ThreadParts {
  readonly scheduler: Scheduler<Activation>;
  /** The exception no guest can catch; see trap.ts. */
  readonly trap: WebAssembly.RuntimeError;
  readonly page: LedgerPage;
  /** What the process holds; see account/account.ts. */
  readonly account: Account;
  readonly cpu: ThreadCpu;
  readonly cpuMsMax: number;
  /** How long the host's call of a guest may go on beyond a slice. */
  readonly guestCallMsMax: number;
  readonly memoryBytesMax: number;
}

export class Activation implements Turn, Watched, Waiting {
  readonly shares: Shares;
  /** What the run's owner holds of the process. */
  readonly share: Share;
  /** For the clock of runs. */
  deadlineMs = 0;
  /** Why memory was refused to the guest: if it traps now, that is why. */
  memoryRefusal: ErrorRecord | undefined;
  /** What the run has taken of the thread's heap, once it takes something. */
  objects: RunObjects | undefined;
  /** Which limit ended the run as `out-of-cpu`, where it is not that of the run. */
  cpuRefusal: string | undefined;
  /** A table grew: it cannot shrink again, so the instance serves no other run. */
  hasGrownTable = false;
  readonly hostCalls = new HostCalls();
  readonly gauge: FuelGauge;
  /** The instance that serves the run. */
  instance: ServingInstance | undefined;
  #marks: CardMarks | undefined;
  readonly #parts: ThreadParts;
  readonly #digestWords: Int32Array;
  readonly #cpuMsMax: number;
  readonly #cpu: CpuAccount;
  #holdsThread = false;
  #hostEnd: HostEnd | undefined;
  #guestEnd: RunEnd | undefined;
  /** Set while the run waits: what to do when it goes on, and how to end it instead. */
  #goOn: (() => void) | undefined;
  #giveUp: GiveUp | undefined;

  constructor(
    parts: ThreadParts,
    run: {
      readonly shares: Shares;
      readonly digestWords: Int32Array;
      readonly fuel: number;
      /** Where it is not that of all runs. */
      readonly cpuMsMax?: number | undefined;
    },
  ) {
    this.#parts = parts;
    this.shares = run.shares;
    this.share = parts.account.shareOf(run.shares.owner);
    this.#digestWords = run.digestWords;
    this.gauge = new FuelGauge(run.fuel);
    this.#cpuMsMax = run.cpuMsMax ?? parts.cpuMsMax;
    this.#cpu = new CpuAccount(parts.cpu);
  }

  /** CPU time used until the last time the thread was let go, in milliseconds. */
  get cpuMs(): number {
    return this.#cpu.usedMs;
  }

  /** CPU time used until now, in microseconds. */
  cpuUsNow(): number {
    return this.#cpu.usedMsAt(performance.now()) * 1_000;
  }

  /** From now on the run has its whole CPU budget again. */
  renewBudget(): void {
    this.#cpu.renewBudget(performance.now());
  }

  get hostEnd(): HostEnd | undefined {
    return this.#hostEnd;
  }

  get isEnding(): boolean {
    return this.#hostEnd !== undefined || this.#guestEnd !== undefined;
  }

  get holdsThread(): boolean {
    return this.#holdsThread;
  }

  /** The cards the run marks whenever it has the thread, which it has now. */
  takeMarks(marks: CardMarks | undefined): void {
    this.#marks = marks;
    marks?.own();
  }

  /** Waits for the thread. Rejects with the trap when the run is ended meanwhile. */
  enter(): Promise<void> | undefined {
    const nowMs = performance.now();
    if (this.#parts.scheduler.tryEnter(this, nowMs)) {
      this.#begin(nowMs);
      return undefined;
    }
    return new Promise((resolve, reject) => {
      this.#waitInLine('ready', { goOn: resolve, giveUp: reject });
    });
  }

  leave(): void {
    if (!this.#holdsThread) return;
    this.#cpu.stop(performance.now());
    this.#holdsThread = false;
    this.#parts.page.leave();
    this.#parts.scheduler.leave(this);
  }

  /** The run is over: nothing is held for it any more. */
  finish(): void {
    this.leave();
    this.objects?.close();
  }

  onTurn(nowMs: number): void {
    this.#begin(nowMs);
    const goOn = this.#goOn;
    this.#goOn = undefined;
    this.#giveUp = undefined;
    goOn?.();
  }

  onDeadline(): void {
    this.end('out-of-time');
  }

  /**
   * Ends the run from outside. A waiting guest is woken with the trap, so that its stack is freed;
   * a running one ends at its next check or hostcall.
   */
  end(cause: HostEnd): void {
    if (this.isEnding) return;
    this.#hostEnd = cause;
    this.#wakeWithTrap();
  }

  /** Notes how the guest ended itself, and gives what must be thrown for it. */
  endByGuest(end: RunEnd): WebAssembly.RuntimeError {
    if (!this.isEnding) this.#guestEnd = end;
    return this.#parts.trap;
  }

  /** The same for an error that came up below the guest. */
  endByError(error: unknown): WebAssembly.RuntimeError {
    const { trap } = this.#parts;
    return error === trap
      ? trap
      : this.endByGuest({ kind: 'trapped', reason: describeTrap(error, this.instance?.offsets) });
  }

  /** Lets a trap of the guest pass, unless the host ended the run: it may try otherwise. */
  forgive(): boolean {
    if (this.#hostEnd !== undefined) return false;
    this.#guestEnd = undefined;
    return true;
  }

  /** Throws when the run is to end: at every hostcall. */
  requireAlive(): void {
    if (this.isEnding) throw this.#parts.trap;
  }

  /**
   * How the run ended, from what the guest's promise was rejected with. Errors of our own, such as
   * a memory that could not be had, are thrown on.
   */
  explain(error: unknown): RunEnd {
    if (this.#guestEnd !== undefined) return this.#guestEnd;
    if (error instanceof TerrafirmaError) throw error;
    return { kind: 'trapped', reason: describeTrap(error, this.instance?.offsets) };
  }

  /** Waits for something of the host's that is no part of the guest's own time. */
  waitOutside<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      work.then(
        (value) => this.#settleOutside(() => resolve(value)),
        (error: unknown) => this.#settleOutside(() => reject(error)),
      );
      this.#mayWait(reject);
    });
  }

  /**
   * Suspends the guest for a hostcall's answer; it goes on when it has the thread again. Steps that
   * are the answer are done then.
   */
  suspend(work: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const withValue = (value: unknown): void => deliver(this, value, { resolve, reject });
      const withError = (error: unknown): void => reject(this.endByError(error));
      this.waitForWork(work, { withValue, withError }, reject);
    });
  }

  waitForWork(work: Promise<unknown>, goOn: GoOn, giveUp: GiveUp): void {
    // Heard in any case: a hostcall that ended the run itself has failed already.
    work.then(
      (value) => this.#resume(giveUp, () => goOn.withValue(value)),
      (error: unknown) => this.#resume(giveUp, () => goOn.withError(error)),
    );
    this.#mayWait(giveUp);
    this.leave();
  }

  waitForTurn(goOn: () => void, giveUp: GiveUp): void {
    this.#waitInLine('hogs', { goOn, giveUp });
    this.leave();
  }

  /** Others have a turn before the guest has `result`: its slice is over. */
  pauseWith<T>(result: T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.waitForTurn(() => resolve(result), reject);
    });
  }

  /** The hostcall `check` of a metered module: the next fuel, or -1 for `pause`. May throw. */
  check(remaining: number): number {
    this.requireAlive();
    const nowMs = performance.now();
    this.#requireBudget(nowMs);
    const fuel = this.gauge.refill(remaining, nowMs);
    if (!this.hostCalls.isWithin) return this.#hasSpentSlice(nowMs) ? -1 : fuel;
    this.#requireShortCall(nowMs);
    return fuel;
  }

  /**
   * Looks at the clock where no fuel is counted. Throws when the budget is used up; true when
   * others should have a turn soon.
   */
  looksOverdue(): boolean {
    const nowMs = performance.now();
    this.#requireBudget(nowMs);
    return this.#hasSpentSlice(nowMs);
  }

  /** May memory number `memory` have so many bytes? All memories together are bounded. */
  allowMemory(memory: number, bytes: number): boolean {
    const otherBytes = this.instance?.bytesBeside(memory) ?? 0;
    const { memoryBytesMax } = this.#parts;
    if (otherBytes + bytes <= memoryBytesMax) return this.#mayHold(memory, bytes);
    const rule = `memory limit of ${inBytes(memoryBytesMax)}`;
    const detail = `Cannot answer: the function reached its ${rule}`;
    this.memoryRefusal = { code: 'guest-out-of-memory', detail };
    return false;
  }

  /** What earlier runs grew is there already. */
  #mayHold(memory: number, bytes: number): boolean {
    const { instance } = this;
    if (instance === undefined) return true;
    const more = bytes - instance.physicalBytesOf(memory);
    if (more <= 0 || instance.charge.tryGrow(more)) return true;
    const detail =
      'Cannot answer now: memory is short, and the sites of one owner may have no larger part of ' +
      `it than is left for others: received ${more} bytes more`;
    this.memoryRefusal = { code: 'overloaded', detail };
    return false;
  }

  /** Calls into the guest on the run's account, whoever holds the thread. */
  callGuest<A, T>(callee: (arg: A) => T, arg: A): T {
    if (this.#holdsThread) return this.hostCalls.call(callee, arg);
    const { scheduler } = this.#parts;
    const holder = scheduler.current;
    return scheduler.borrow(this, () => {
      this.#startClock(performance.now());
      try {
        return this.hostCalls.call(callee, arg);
      } finally {
        this.#cpu.stop(performance.now());
        if (holder !== undefined) holder.#marks?.own();
      }
    });
  }

  #requireBudget(nowMs: number): void {
    if (!this.#cpu.hasSpentBudget(this.#cpuMsMax, nowMs)) return;
    this.#hostEnd ??= 'out-of-cpu';
    throw this.#parts.trap;
  }

  #hasSpentSlice(nowMs: number): boolean {
    return this.#cpu.hasSpentSlice(this.#parts.scheduler.sliceMs, nowMs);
  }

  /** An allocator takes microseconds; one that computes would keep everybody waiting. */
  #requireShortCall(nowMs: number): void {
    const { scheduler, guestCallMsMax } = this.#parts;
    if (!this.hostCalls.countCheck()) return;
    if (!this.#cpu.hasSpentSlice(scheduler.sliceMs + guestCallMsMax, nowMs)) return;
    this.cpuRefusal = `was called for memory and took more than ${guestCallMsMax} ms`;
    this.#hostEnd ??= 'out-of-cpu';
    throw this.#parts.trap;
  }

  #begin(nowMs: number): void {
    this.#holdsThread = true;
    this.#startClock(nowMs);
    this.#parts.page.enter(this.#digestWords);
  }

  #startClock(nowMs: number): void {
    this.#cpu.start(nowMs);
    this.gauge.interrupt();
    this.#marks?.own();
  }

  #waitInLine(line: Line, wait: { readonly goOn: () => void; readonly giveUp: GiveUp }): void {
    this.#mayWait(wait.giveUp);
    this.#goOn = wait.goOn;
    this.#queue(line, performance.now());
  }

  /** What is to be done at the turn is in `#goOn`. */
  #queue(line: Line, nowMs: number): void {
    this.#cpu.stop(nowMs);
    this.#cpu.renewSlice();
    this.hostCalls.renew();
    this.#parts.scheduler.enqueue(this, line, nowMs);
  }

  /** Throws where the run is over already: nobody would wake it. */
  #mayWait(giveUp: GiveUp): void {
    this.requireAlive();
    this.#giveUp = giveUp;
  }

  /** What was waited for is there. After `end` the guest is gone: what comes late is dropped. */
  #resume(isStill: GiveUp, goOn: () => void): void {
    if (this.#giveUp !== isStill) return;
    this.#goOn = goOn;
    const { scheduler } = this.#parts;
    const nowMs = performance.now();
    // A guest that waits for what is there already must not keep the event loop from turning.
    if (this.#hasSpentSlice(nowMs)) this.#queue('hogs', nowMs);
    else if (scheduler.tryEnter(this, nowMs)) this.onTurn(nowMs);
    else scheduler.enqueue(this, 'ready', nowMs);
  }

  #settleOutside(deliver: () => void): void {
    if (this.#giveUp === undefined) return;
    this.#giveUp = undefined;
    deliver();
  }

  #wakeWithTrap(): void {
    const giveUp = this.#giveUp;
    if (giveUp === undefined) return;
    this.#giveUp = undefined;
    this.#goOn = undefined;
    this.#parts.scheduler.withdraw(this);
    giveUp(this.#parts.trap);
  }
}
