/**
 * Who may run on the thread. One guest at a time holds it; a guest that has used its slice lets go
 * and waits its turn behind everything that is short or ready, so that a second of computing beside
 * a small guest costs that one a slice and not a second.
 *
 * Two lines wait, each fair by owner, site and client: the ready (new runs, and guests whose wait
 * is over) and the hogs (guests that used up their slice). In both comes next whose owner has used
 * the least lately: some turns are long, and nobody who wants a short one should wait for the next
 * of them. The ready go first; but an owner whose hogs have waited `overdueMs` gets one turn before
 * owners who used as much, and after `overdueAheadMs` before all, so that nobody starves under
 * saturation. After such a turn the ready have theirs: however many owners compute, they hold up a
 * short run by one slice each time it waits, never by all their slices. Between two turns the event
 * loop takes what has arrived meanwhile. New runs that find the thread free begin at once, but only
 * so much of one turn of the event loop is theirs: where a hundred requests have arrived together,
 * the others wait in line, and whoever comes meanwhile is not behind them all. What became ready
 * while such a run had the thread, such as a run that it waits for, goes on when it lets go, within
 * the same time: a chain of runs is through before the next request begins, with what it needs
 * still in the processor's caches. An owner who has had
 * the thread alone for a while has longer slices, until somebody else has a turn.
 */
import { FairQueue, type Waiter } from '../../account/fair-queue.ts';
import { OwnerUse } from '../../account/owner-use.ts';
import type { OwnerKey } from '../../names.ts';

export interface Turn extends Waiter {
  /** The thread is yours until `leave`. Must not run guest code before it returns. */
  onTurn(nowMs: number): void;
  /** How much of its slice is used. Left out, with what follows: it lends the thread to nobody. */
  sliceMsAt?(nowMs: number): number;
  /** Another has the thread. Answers how much CPU time it has used since it began or went on. */
  onLent?(nowMs: number): number;
  /** It has the thread again, which was used for it meanwhile. */
  onGivenBack?(nowMs: number): void;
  /** It borrowed the thread, and would keep it beyond the call: it must let go of it now. */
  onRecalled?(): void;
}

export type Line = 'ready' | 'hogs';

export interface SchedulerOptions {
  readonly sliceMs: number;
  /** Milliseconds since some instant. */
  readonly nowMs: () => number;
  /**
   * Called, with no guest's frames below, before others than the last have a turn and when the loop
   * has its own: what is ready for those who were served should not wait for that.
   */
  readonly onOthersTurn?: (() => void) | undefined;
}

/** An owner who waits gets a slice within about twice this, as long as there are few such. */
const overdueMs = 10;
/** The same where it has used more than those who are ready. */
const overdueAheadMs = 50;
/** So long guests may have the thread, one after another, before others get the loop. */
const macrotaskMs = 2;
/** Shorter runs are no more than what a turn does for the request anyway. */
const countedMs = 0.2;
/** An owner whom the thread was left to for so long is taken to be alone on it. */
const aloneAfterMs = 100;
/**
 * So many slices in one has who is alone: whoever comes then waits for one of these once. Of thirty
 * runs that take turns each finds its memory gone from the processor's caches.
 */
const aloneSlices = 5;
/** With many hogs each slice becomes shorter, down to this; a switch costs about 10 µs. */
const sliceMsMin = 0.1;
/** Who has used more of its slice lends nothing: the borrower has what is left of it. */
const lentSliceShare = 1 / 2;
/** Each is a run that waits below on the stack. */
const lendersMax = 8;

export class Scheduler<T extends Turn = Turn> {
  readonly #sliceMs: number;
  readonly #nowMs: () => number;
  readonly #onOthersTurn: (() => void) | undefined;
  readonly #use = new OwnerUse();
  readonly #ready = new FairQueue<T>(this.#use);
  readonly #hogs = new FairQueue<T>(this.#use);
  #current: T | undefined;
  #pumping: NodeJS.Immediate | undefined;
  #isInMacrotask = false;
  /** Whose turn it is, or was last, and since when nobody else had one. */
  #owner: OwnerKey | undefined;
  #ownerSinceMs = 0;
  /** Who was served last in the present macrotask. */
  #lastOwner: OwnerKey | undefined;
  #macrotaskStartMs = 0;
  #enteredAtMs = 0;
  /** What runs that began at once have had of the present turn of the event loop. */
  #atOnceMs = 0;
  #hasServedHog = false;
  /** The present macrotask began at the end of a run that had begun at once. */
  #isEarly = false;
  /** The last turn was a hog's: the next is for the ready, where there are any. */
  #wasHogsTurn = false;
  /** Who lends the thread during a call that is below on the stack. */
  #lender: T | undefined;
  #lenders = 0;
  /** CPU time of the present turn but for what its holder has had since it last went on. */
  #lentMs = 0;

  constructor(options: SchedulerOptions) {
    this.#sliceMs = options.sliceMs;
    this.#nowMs = options.nowMs;
    this.#onOthersTurn = options.onOthersTurn;
  }

  /** Who holds the thread. */
  get current(): T | undefined {
    return this.#current;
  }

  /** How long a guest may go on now before it lets others have a turn. */
  get sliceMs(): number {
    const owners = this.#hogs.ownerCount;
    const isAlone = this.#enteredAtMs - this.#ownerSinceMs >= aloneAfterMs;
    if (owners <= 1) return isAlone ? aloneSlices * this.#sliceMs : this.#sliceMs;
    return Math.max(sliceMsMin, Math.min(this.#sliceMs, overdueMs / owners));
  }

  /** Takes the thread if it is free and nobody has a better claim to it. */
  tryEnter(turn: T, nowMs: number): boolean {
    if (this.#current !== undefined || this.#ready.length > 0 || this.#isOverdue(nowMs)) {
      return false;
    }
    if (this.#atOnceMs >= macrotaskMs) return false;
    this.#hold(turn, nowMs);
    this.#wasHogsTurn = false;
    return true;
  }

  /**
   * Whoever holds the thread lends it for as long as `act` lasts: to one run of the same client
   * after another, each until it waits or has ended. All of it is one turn, and one slice.
   */
  lend<R>(act: () => R): R {
    const holder = this.#current;
    const outer = this.#lender;
    if (holder === undefined || this.#lenders >= lendersMax) return act();
    this.#lender = holder;
    this.#lenders += 1;
    try {
      return act();
    } finally {
      // The holder is on the stack, and goes on now.
      if (this.#current !== holder) this.#current?.onRecalled?.();
      this.#lender = outer;
      this.#lenders -= 1;
    }
  }

  /** Whether the thread is lent, and nobody has it now. */
  get isLent(): boolean {
    return this.#lender !== undefined && this.#lender === this.#current;
  }

  /** Whether whoever holds the thread has borrowed it. */
  get isBorrowed(): boolean {
    return this.#lender !== undefined && this.#lender !== this.#current;
  }

  /** Takes the thread that is lent. Answers how much of the slice is used; undefined: it cannot. */
  tryBorrow(turn: T, nowMs: number): number | undefined {
    const lender = this.#lender;
    if (lender === undefined || lender !== this.#current || !this.#isLed(turn)) return undefined;
    const usedMs = lender.sliceMsAt?.(nowMs) ?? Number.POSITIVE_INFINITY;
    if (usedMs > this.sliceMs * lentSliceShare) return undefined;
    this.#lentMs += lender.onLent?.(nowMs) ?? 0;
    this.#current = turn;
    return usedMs;
  }

  /** Waits for the thread; `onTurn` says when. */
  enqueue(turn: T, line: Line, nowMs: number): void {
    if (line === 'hogs') this.#hogs.push(turn, nowMs);
    else this.#ready.push(turn, nowMs, this.#isLed(turn));
    this.#wake();
  }

  /**
   * Whether what became ready while another of the same client has the thread: what that waits for,
   * or what has waited for that. It has run until now, and so goes on before what is new, for as
   * long as its slice lasts.
   */
  #isLed({ shares }: T): boolean {
    const holder = this.#current?.shares;
    return holder?.site === shares.site && holder.client === shares.client;
  }

  /** Gives up waiting. */
  withdraw(turn: T): void {
    if (!this.#ready.delete(turn)) this.#hogs.delete(turn);
  }

  /**
   * Lets go of the thread, of which the turn has used so much CPU time: when it waited for a core,
   * others had that. Left out: all of the time.
   */
  leave(turn: T, nowMs: number, cpuMs?: number): void {
    if (this.#current !== turn) return;
    if (this.isBorrowed) {
      this.#current = this.#lender;
      this.#lentMs += cpuMs ?? 0;
      this.#lender?.onGivenBack?.(nowMs);
      return;
    }
    this.#current = undefined;
    const tookMs = nowMs - this.#enteredAtMs;
    const usedMs = cpuMs === undefined ? tookMs : cpuMs + this.#lentMs;
    if (this.#isInMacrotask) {
      this.#use.charge(turn.shares.owner, usedMs);
      this.#serveNext();
      return;
    }
    if (tookMs >= countedMs) {
      this.#use.charge(turn.shares.owner, usedMs);
      this.#atOnceMs += tookMs;
      this.#plan();
    }
    if (this.#ready.length > 0 && this.#atOnceMs < macrotaskMs) this.#goOn(turn, nowMs);
    else this.#wake();
  }

  /**
   * Runs `turn` for a call of the host into its guest while it does not hold the thread: a late
   * answer that is written into its memory. Whoever holds the thread has it back afterwards.
   */
  borrow<R>(turn: T, act: () => R): R {
    const holder = this.#current;
    this.#current = turn;
    try {
      return act();
    } finally {
      this.#current = holder;
    }
  }

  /**
   * The owner has used so much of the thread besides its turns or, where it is negative, so much
   * less in them.
   */
  charge(owner: OwnerKey, ms: number): void {
    this.#use.charge(owner, ms);
  }

  close(): void {
    if (this.#pumping !== undefined) clearImmediate(this.#pumping);
    this.#pumping = undefined;
  }

  /** Whether a hog has the better claim to the next turn than anybody else. */
  #isOverdue(nowMs: number): boolean {
    return !this.#wasHogsTurn && nowMs - this.#hogs.oldestSinceMs >= overdueMs;
  }

  /** Whether the owner of an overdue hog has used more than one who is ready. */
  #isAhead(nowMs: number): boolean {
    if (nowMs - this.#hogs.oldestSinceMs >= overdueAheadMs) return false;
    return this.#hogs.leastUsed > this.#ready.leastUsed;
  }

  #wake(): void {
    if (!this.#isInMacrotask && this.#ready.length + this.#hogs.length > 0) this.#plan();
  }

  #plan(): void {
    this.#pumping ??= setImmediate(() => this.#pump());
  }

  #pump(): void {
    this.#pumping = undefined;
    const atOnceMs = this.#atOnceMs;
    this.#atOnceMs = 0;
    if (this.#current !== undefined) return;
    // The turn is over; nobody begins at once in the next while somebody waits.
    if (atOnceMs >= macrotaskMs) {
      this.#wake();
      return;
    }
    this.#isInMacrotask = true;
    this.#hasServedHog = false;
    this.#lastOwner = undefined;
    this.#macrotaskStartMs = this.#nowMs();
    this.#serveNext();
  }

  /** Those who are ready have what is left of the time of runs that begin at once. */
  #goOn({ shares }: T, nowMs: number): void {
    this.#isInMacrotask = true;
    this.#isEarly = true;
    this.#hasServedHog = true;
    this.#lastOwner = shares.owner;
    this.#macrotaskStartMs = nowMs - this.#atOnceMs;
    // Counts the time anew, also where nobody is left waiting.
    this.#plan();
    this.#serveNext();
  }

  /** Hands the thread on. The guest itself resumes in a microtask, so this does not recurse. */
  #serveNext(): void {
    const nowMs = this.#nowMs();
    const next = nowMs - this.#macrotaskStartMs < macrotaskMs ? this.#chooseNext(nowMs) : undefined;
    const owner = next?.shares.owner;
    // Those who take their turns in microtasks come after it. The loop has more of its turn.
    const isGivenOn = owner !== this.#lastOwner && !(this.#isEarly && owner === undefined);
    if (isGivenOn && this.#onOthersTurn !== undefined) queueMicrotask(this.#onOthersTurn);
    this.#lastOwner = owner;
    if (next === undefined) {
      if (this.#isEarly) this.#atOnceMs = nowMs - this.#macrotaskStartMs;
      this.#isInMacrotask = false;
      this.#isEarly = false;
      this.#wake();
      return;
    }
    this.#hold(next, nowMs);
    this.#use.serve(next.shares.owner);
    next.onTurn(nowMs);
  }

  #hold(turn: T, nowMs: number): void {
    const { owner } = turn.shares;
    if (owner !== this.#owner) {
      this.#owner = owner;
      this.#ownerSinceMs = nowMs;
    }
    this.#enteredAtMs = nowMs;
    this.#lentMs = 0;
    this.#current = turn;
  }

  #chooseNext(nowMs: number): T | undefined {
    if (!this.#isOverdue(nowMs) || this.#isAhead(nowMs)) {
      const ready = this.#ready.shift(nowMs);
      if (ready !== undefined) {
        this.#wasHogsTurn = false;
        return ready;
      }
      if (this.#hasServedHog) return undefined;
    }
    this.#hasServedHog = true;
    this.#wasHogsTurn = true;
    return this.#hogs.shift(nowMs);
  }
}
