/**
 * The stacks of one run on the thread. A run may have several: its entry's, and those of calls that
 * the host made beside it. Each waits for something of its own; those whose wait is over go on one
 * after another, when the run has the thread. For the scheduler it is one turn, in one line.
 */
import type { Budget } from './budget.ts';
import type { GiveUp, GoOn } from './follow.ts';
import type { Line, Scheduler, Turn } from './scheduler.ts';

/** The run whose stacks these are. */
export interface StackOwner extends Turn {
  /** @throws when the run is over, or cannot wait */
  requireWaiting(): void;
  /** It has the thread from now on. */
  onBegin(nowMs: number): void;
  /** It has let go of it. */
  onLeave(nowMs: number): void;
}

export interface StackParts<T extends Turn> {
  readonly scheduler: Scheduler<T>;
  readonly nowMs: () => number;
}

interface Wait {
  readonly giveUp: GiveUp;
  /** Among those that wait; -1 where it does not any more. */
  place: number;
  /** What to do at the turn; undefined while what it waits for is not there. */
  goOn: (() => void) | undefined;
}

export class Stacks<T extends StackOwner> {
  readonly #parts: StackParts<T>;
  readonly #owner: T;
  readonly #budget: Budget;
  /** Made at the first wait: most runs never wait. No set, which is made anew as it shrinks. */
  #waiting: Wait[] | undefined;
  #ready: Wait[] | undefined;
  #holdsThread = false;
  /** Whether it stands in a line of the scheduler: once, however many stacks are ready. */
  #isQueued = false;

  constructor(parts: StackParts<T>, owner: T, budget: Budget) {
    this.#parts = parts;
    this.#owner = owner;
    this.#budget = budget;
  }

  get holdsThread(): boolean {
    return this.#holdsThread;
  }

  /**
   * Waits for the thread where it cannot be had at once. Rejects with what `giveUpAll` gets.
   *
   * @param borrows Whether it may be had from who lends it; then it is left before this turn ends.
   */
  enter(nowMs = this.#parts.nowMs(), borrows = false): Promise<void> | undefined {
    const { scheduler } = this.#parts;
    const usedMs = borrows ? scheduler.tryBorrow(this.#owner, nowMs) : undefined;
    if (usedMs !== undefined) this.#budget.shortenSlice(usedMs);
    else if (!scheduler.tryEnter(this.#owner, nowMs)) return this.waitForThread();
    this.#begin(nowMs);
    return undefined;
  }

  /** Lets go of the thread. Another stack of the run may have it next. */
  leave(atMs?: number): void {
    if (!this.#holdsThread) return;
    const nowMs = atMs ?? this.#parts.nowMs();
    this.#budget.stop(nowMs);
    this.#holdsThread = false;
    this.#owner.onLeave(nowMs);
    this.#parts.scheduler.leave(this.#owner, nowMs, this.#budget.stretchMs);
    if (this.#ready !== undefined && this.#ready.length > 0 && !this.#isQueued) this.#claim(nowMs);
  }

  /** The scheduler gives the thread: the first stack that is ready goes on. */
  onTurn(nowMs: number): void {
    this.#isQueued = false;
    this.#begin(nowMs);
    const ready = this.#ready;
    const wait = ready?.shift();
    if (wait === undefined) return;
    if (ready?.length === 0) this.#ready = undefined;
    this.#remove(wait);
    wait.goOn?.();
  }

  waitForThread(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#addReady(resolve, reject);
      // While another stack of the run has the thread, `leave` sees to this one.
      if (!this.#holdsThread) this.#queue('ready', this.#parts.nowMs());
    });
  }

  /** Lets go of the thread; goes on when it is the run's turn again, behind all that is short. */
  waitForTurn(goOn: () => void, giveUp: GiveUp): void {
    this.#addReady(goOn, giveUp);
    this.#queue('hogs', this.#parts.nowMs());
    this.leave();
  }

  /**
   * The same once `work` has settled.
   *
   * @throws where the run is over
   */
  waitForWork(work: Promise<unknown>, goOn: GoOn, giveUp: GiveUp): void {
    const wait: Wait = { giveUp, place: -1, goOn: undefined };
    // Heard in any case: a hostcall that ended the run itself has failed already.
    work.then(
      (value) => this.#makeReady(wait, () => goOn.withValue(value)),
      (error: unknown) => this.#makeReady(wait, () => goOn.withError(error)),
    );
    this.#add(wait);
    this.leave();
  }

  /** Waits for something of the host's, without a turn. */
  waitOutside<R>(work: Promise<R>): Promise<R> {
    return new Promise((resolve, reject) => {
      const wait: Wait = { giveUp: reject, place: -1, goOn: undefined };
      work.then(
        (value) => this.#settleOutside(wait, () => resolve(value)),
        (error: unknown) => this.#settleOutside(wait, () => reject(error)),
      );
      this.#add(wait);
    });
  }

  /** Wakes all that waits with the trap, so that the stacks are freed; false: nothing did. */
  giveUpAll(trap: WebAssembly.RuntimeError): boolean {
    if (this.#isQueued) this.#parts.scheduler.withdraw(this.#owner);
    this.#isQueued = false;
    this.#ready = undefined;
    const waiting = this.#waiting;
    if (waiting === undefined || waiting.length === 0) return false;
    this.#waiting = undefined;
    for (const wait of waiting) wait.place = -1;
    for (const { giveUp } of waiting) giveUp(trap);
    return true;
  }

  #begin(nowMs: number): void {
    this.#holdsThread = true;
    this.#owner.onBegin(nowMs);
  }

  #addReady(goOn: () => void, giveUp: GiveUp): void {
    const wait: Wait = { giveUp, place: -1, goOn };
    this.#add(wait);
    this.#pushReady(wait);
  }

  #pushReady(wait: Wait): void {
    if (this.#ready === undefined) this.#ready = [wait];
    else this.#ready.push(wait);
  }

  /** @throws where the run is over already: nobody would wake it */
  #add(wait: Wait): void {
    this.#owner.requireWaiting();
    // Pushed to a list of nothing it would take room for seventeen.
    if (this.#waiting === undefined) this.#waiting = [wait];
    else this.#waiting.push(wait);
    wait.place = this.#waiting.length - 1;
  }

  /** False where it did not wait any more. The last one takes its place. */
  #remove(wait: Wait): boolean {
    const { place } = wait;
    const last = place === -1 ? undefined : this.#waiting?.pop();
    if (last === undefined) return false;
    wait.place = -1;
    if (last === wait || this.#waiting === undefined) return true;
    last.place = place;
    this.#waiting[place] = last;
    return true;
  }

  /** What was waited for is there. What comes after the end is dropped. */
  #makeReady(wait: Wait, goOn: () => void): void {
    if (wait.place === -1) return;
    wait.goOn = goOn;
    this.#pushReady(wait);
    // While another stack of the run has the thread, `leave` sees to this one.
    if (!this.#holdsThread && !this.#isQueued) this.#claim(this.#parts.nowMs());
  }

  /** A stack is ready, and the run has not the thread. */
  #claim(nowMs: number): void {
    const { scheduler } = this.#parts;
    // A guest that waits for what is there already must not keep the event loop from turning.
    if (this.#budget.isSliceSpent(nowMs)) this.#queue('hogs', nowMs);
    else if (scheduler.tryEnter(this.#owner, nowMs)) this.onTurn(nowMs);
    else this.#enqueue('ready', nowMs);
  }

  /** In line for a new slice. */
  #queue(line: Line, nowMs: number): void {
    this.#budget.stop(nowMs);
    this.#budget.renewSlice();
    this.#enqueue(line, nowMs);
  }

  #enqueue(line: Line, nowMs: number): void {
    if (this.#isQueued) return;
    this.#isQueued = true;
    this.#parts.scheduler.enqueue(this.#owner, line, nowMs);
  }

  #settleOutside(wait: Wait, settle: () => void): void {
    if (this.#remove(wait)) settle();
  }
}
