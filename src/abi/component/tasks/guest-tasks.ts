/** All tasks of one guest, and who of them goes on. */
import type { CallEntry, GuestHost } from '../../abi.ts';
import { clearInstanceState, type InstanceState, newInstanceState, Task } from './task.ts';
import { type Idler, type Thread, Threads, type Woken } from './threads.ts';

export class GuestTasks {
  readonly threads: Threads;
  readonly #host: GuestHost;
  readonly #states: readonly InstanceState[];
  /** For code that is run before any task, such as start functions. */
  #early: Task | undefined;
  readonly #enteredEarly: number[] = [];
  /** Calls the guest on a stack that can be suspended; there while a run is. */
  call: CallEntry | undefined;

  /** @param instances Component instances that the guest consists of. */
  constructor(host: GuestHost, instances: number, idler: Idler) {
    this.#host = host;
    this.#states = Array.from({ length: instances }, newInstanceState);
    this.threads = new Threads(idler);
  }

  state(instance: number): InstanceState {
    const state = this.#states[instance];
    if (state === undefined) throw new TypeError(`Cannot find component instance ${instance}`);
    return state;
  }

  /** Traps where nothing runs that could be one. */
  get task(): Task {
    return this.thread.task;
  }

  get thread(): Thread {
    return this.threads.current ?? this.#host.trap('Cannot use tasks: no request yet');
  }

  /** The words of the task that runs, or of what runs before any. */
  get context(): number[] {
    const running = this.threads.current?.task;
    if (running !== undefined) return running.context;
    this.#early ??= new Task(earlyFacts, { onResolve: () => undefined });
    return this.#early.context;
  }

  /** Component instances that are under way below what runs now. */
  isEntered(instance: number): boolean {
    const { current } = this.threads;
    return current?.hasEntered(instance) ?? this.#enteredEarly.includes(instance);
  }

  /** A call begins that enters these; none of them is under way. */
  enter(instances: readonly number[]): void {
    const entered = this.threads.current?.entered ?? this.#enteredEarly;
    entered.push(...instances);
  }

  leave(instances: readonly number[]): void {
    const entered = this.threads.current?.entered ?? this.#enteredEarly;
    for (const instance of instances) {
      const place = entered.lastIndexOf(instance);
      if (place !== -1) entered.splice(place, 1);
    }
  }

  /**
   * The line that runs waits. A task that must answer before it returns may not: it would keep
   * whoever called it.
   */
  block(isReady: () => boolean, isCancellable = false): Promise<Woken> {
    const { threads } = this;
    const { facts, isResolved } = this.task;
    const mayBlock = facts.mayBlock || isResolved || isReady();
    if (!mayBlock && !threads.hasReady(facts.instance)) {
      const rule = 'only an async function may block before it returns';
      this.#host.trap(`Cannot wait: ${rule}: received a wait in another one`);
    }
    return threads.block(isReady, isCancellable);
  }

  /**
   * Tells a task that nobody wants its answer: now where it listens and may be entered, else when
   * it listens next. A promise where it goes on now, until it blocks again.
   *
   * @param mayEnter Whether it is not among what is under way.
   */
  cancel(thread: Thread, mayEnter = this.threads.current === undefined): Promise<void> | undefined {
    const { threads } = this;
    const { task, isCancellable } = thread;
    if (task.state !== 'initial' && task.state !== 'started') return undefined;
    const { exclusive } = task.facts.instance;
    const isFree = !task.needsExclusive || exclusive === undefined || exclusive === thread;
    const isListening = isCancellable && mayEnter && (isFree || task.state === 'initial');
    task.state = isListening ? 'told' : 'to-cancel';
    return isListening ? threads.cancel(thread) : undefined;
  }

  /** Lets others go on, and what comes from outside come. */
  yield(isReady: () => boolean, isCancellable = false): Promise<Woken> {
    const { threads } = this;
    let hasTurned = false;
    const isOver = threads.expect();
    void this.#host.afterTurn().then(() => {
      hasTurned = true;
      isOver();
      threads.poke();
    });
    return threads.block(() => hasTurned && isReady(), isCancellable);
  }

  /** Lets go of the thread until `work` has settled and it is the run's turn. */
  wait<T>(work: Promise<T>): Promise<T> {
    return this.#host.wait(work);
  }

  /** The run is over. */
  clear(): void {
    this.threads.clear();
    this.call = undefined;
    this.#early = undefined;
    if (this.#enteredEarly.length > 0) this.#enteredEarly.length = 0;
    for (const state of this.#states) clearInstanceState(state);
  }
}

const earlyFacts = {
  instance: newInstanceState(),
  mayBlock: false,
  isAsync: false,
  hasCallback: false,
  resultKey: 0,
  encoding: 'utf8',
  memory: undefined,
} as const;
