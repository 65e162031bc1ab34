/**
 * The lines of execution of one guest. Of all of them one goes on at a time, until it blocks or
 * ends: guests count on that (component-model, Concurrency.md). A line that is put off because its
 * slice is used up keeps its place, which is why the choice is made here and not by the engine.
 */
import type { InstanceState, Task } from './task.ts';

/** Why a line goes on. */
export type Woken = 'ready' | 'cancelled';

interface Resumer {
  /** Undefined where it was the host, or a start function. */
  readonly thread: Thread | undefined;
  readonly goOn: PromiseWithResolvers<void>;
}

export class Thread {
  readonly task: Task;
  /** Whether it may be told of a cancellation where it blocks now. */
  isCancellable = false;
  /** Undefined while it runs. */
  blocked:
    | { readonly isReady: () => boolean; readonly wake: PromiseWithResolvers<Woken> }
    | undefined;
  /** Who waits until it blocks or ends. */
  resumer: Resumer | undefined;

  /** Component instances that its calls have entered, each once, the task's own among them. */
  readonly entered: number[];

  constructor(task: Task, entered: readonly number[]) {
    this.task = task;
    this.entered = [...entered];
  }

  /** Whether calls under way below have entered it; who lent the turn is below, too. */
  hasEntered(instance: number): boolean {
    return this.entered.includes(instance) || this.resumer?.thread?.hasEntered(instance) === true;
  }
}

/** Where nothing comes any more that could wake anybody. */
export class DeadlockError extends Error {
  override readonly name = 'DeadlockError';

  constructor() {
    super('Cannot go on: something is left to wait for: received none');
  }
}

export interface Idler {
  /** All wait: what was written should leave now. */
  beforeIdle(): void;
}

export class Threads {
  #current: Thread | undefined;
  /** Few; a set that lives as long as the guest would be made anew, as old memory, for each. */
  #waiting: Thread[] = [];
  /** What is under way outside of the guest, which may wake somebody. */
  #outside = 0;
  /** Counts the runs. */
  #run = 0;
  /** Why nothing may wait any more. */
  #failure: unknown;
  /** The first line has ended; settled when nothing more can go on. */
  #rest: PromiseWithResolvers<void> | undefined;
  readonly #idler: Idler;

  constructor(idler: Idler) {
    this.#idler = idler;
  }

  /** How many lines wait, each looked at whenever something comes. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  get current(): Thread | undefined {
    return this.#current;
  }

  /** The first line of a run. */
  begin(thread: Thread): void {
    this.#current = thread;
  }

  /**
   * The code of the first line has ended. What others have left to do goes on, for as long as there
   * is something that it waits for; undefined where there are none.
   */
  end(thread: Thread): Promise<void> | undefined {
    if (this.#waiting.length === 0) {
      this.#current = undefined;
      return undefined;
    }
    const rest = Promise.withResolvers<void>();
    this.#rest = rest;
    this.#passOn(thread);
    return rest.promise;
  }

  /**
   * The current line waits until `isReady` and it is its turn among the others. Rejects where
   * nothing is left to wait for, and with what `fail` is given.
   */
  block(isReady: () => boolean, isCancellable: boolean): Promise<Woken> {
    const thread = this.#current;
    if (thread === undefined) throw new TypeError('Cannot block: nothing runs');
    const wake = Promise.withResolvers<Woken>();
    if (this.#failure !== undefined) {
      wake.reject(this.#failure);
      return wake.promise;
    }
    if (thread.task.takeCancellation(isCancellable)) {
      wake.resolve('cancelled');
      return wake.promise;
    }
    thread.isCancellable = isCancellable;
    thread.blocked = { isReady, wake };
    // Pushed to a list of nothing it would take room for seventeen.
    if (this.#waiting.length === 0) this.#waiting = [thread];
    else this.#waiting.push(thread);
    this.#passOn(thread);
    return wake.promise;
  }

  /**
   * Whether the current line, which is about to wait until `isReady`, would be the next to go on in
   * any case: it need not let go of the thread, and of its stack, to find that out.
   */
  goesOn(isReady: () => boolean): boolean {
    const thread = this.#current;
    if (thread === undefined || thread.resumer !== undefined) return false;
    const isAlone = this.#waiting.length === 0 && this.#failure === undefined;
    return isAlone && thread.task.state !== 'to-cancel' && isReady();
  }

  /**
   * Runs a new line until it blocks or ends; then the current one goes on. Rejects with what it
   * rejects with meanwhile.
   */
  start(thread: Thread, run: () => Promise<void>): Promise<void> {
    const paused = this.#lend(thread);
    run().then(
      () => this.#passOn(thread),
      (error: unknown) => this.#fail(thread, error),
    );
    return paused;
  }

  /** Lets a line go on that blocks and could; the current one goes on when it blocks again. */
  resume(thread: Thread): Promise<void> {
    const paused = this.#lend(thread);
    this.#wake(thread, 'ready');
    return paused;
  }

  /** Wakes a line that blocks with a cancellation; the current one goes on when it blocks again. */
  cancel(thread: Thread): Promise<void> {
    const paused = this.#lend(thread);
    this.#wake(thread, 'cancelled');
    return paused;
  }

  /**
   * Something is under way outside that may wake somebody: not a reason to give up. Answers what
   * says that it is over, once.
   */
  expect(): () => void {
    this.#outside += 1;
    let isOver = false;
    const run = this.#run;
    return () => {
      // What a run before had begun may end in this one.
      if (isOver || run !== this.#run) return;
      isOver = true;
      this.#outside -= 1;
    };
  }

  /** Whether something of that instance could go on now. */
  hasReady(instance: InstanceState): boolean {
    for (const { task, blocked } of this.#waiting) {
      if (task.facts.instance === instance && blocked?.isReady() === true) return true;
    }
    return false;
  }

  /**
   * Something has come from outside. All that waits is looked through, on nobody's time, so that
   * thousands of things that nobody waits for must not lead to that.
   *
   * @param isAwaited Whether somebody may go on now that could not before.
   */
  poke(isAwaited = true): void {
    if (this.#current !== undefined) return;
    if (isAwaited || this.#outside === 0) this.#next();
  }

  /** The run is over, or about to be: all that waits is told, or is about to wait. */
  fail(error: unknown): void {
    this.#failure = error;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { blocked } of waiting) blocked?.wake.reject(error);
    this.#rest?.reject(error);
    this.#rest = undefined;
  }

  /** The run is over: nothing of it may go on. */
  clear(): void {
    this.#run += 1;
    this.#current = undefined;
    this.#waiting.length = 0;
    this.#outside = 0;
    this.#rest = undefined;
    this.#failure = undefined;
  }

  /** The current line lets `thread` go first. */
  #lend(thread: Thread): Promise<void> {
    const current = this.#current;
    const goOn = Promise.withResolvers<void>();
    thread.resumer = { thread: current, goOn };
    this.#current = thread;
    return goOn.promise;
  }

  #passOn(thread: Thread): void {
    const { resumer } = thread;
    thread.resumer = undefined;
    this.#current = resumer?.thread;
    resumer?.goOn.resolve();
    if (this.#current === undefined) this.#next();
  }

  #fail(thread: Thread, error: unknown): void {
    const { resumer } = thread;
    thread.resumer = undefined;
    this.#current = resumer?.thread;
    resumer?.goOn.reject(error);
    this.fail(error);
  }

  #next(): void {
    if (this.#wakeFirst()) return;
    if (this.#waiting.length > 0) {
      this.#idler.beforeIdle();
      // What has left may have made room for more.
      if (this.#wakeFirst() || this.#outside > 0) return;
    }
    if (this.#rest === undefined) {
      if (this.#waiting.length > 0) this.fail(new DeadlockError());
      return;
    }
    this.#rest.resolve();
    this.#rest = undefined;
  }

  #wakeFirst(): boolean {
    for (const thread of this.#waiting) {
      if (thread.blocked?.isReady() !== true) continue;
      this.#current = thread;
      this.#wake(thread, 'ready');
      return true;
    }
    return false;
  }

  #wake(thread: Thread, how: Woken): void {
    const { blocked } = thread;
    thread.blocked = undefined;
    thread.isCancellable = false;
    const place = this.#waiting.indexOf(thread);
    if (place !== -1) this.#waiting.splice(place, 1);
    blocked?.wake.resolve(how);
  }
}
