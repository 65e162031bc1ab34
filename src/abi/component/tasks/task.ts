/** One call of a function that a guest exports (CanonicalABI.md, "Task State"). */
import type { Borrowing } from '../handles.ts';

/** What the tasks of one component instance share. */
export interface InstanceState {
  /** How often it said that it takes no more work. */
  backpressure: number;
  waitingToEnter: number;
  /** The line that is in code that does not expect another one. */
  exclusive: object | undefined;
}

export function newInstanceState(): InstanceState {
  return { backpressure: 0, waitingToEnter: 0, exclusive: undefined };
}

/** As it is when it is new. */
export function clearInstanceState(state: InstanceState): void {
  state.backpressure = 0;
  state.waitingToEnter = 0;
  state.exclusive = undefined;
}

/** How a task's function was lifted. */
export interface TaskFacts {
  readonly instance: InstanceState;
  /** Whether its type is async: only then it may block. */
  readonly mayBlock: boolean;
  /** Whether it answers by `task.return`. */
  readonly isAsync: boolean;
  readonly hasCallback: boolean;
  /** Which type it answers; see `typeKey`. */
  readonly resultKey: number;
  readonly encoding: string;
  readonly memory: number | undefined;
}

/** Whoever has called. */
export interface Asker {
  /** `undefined`: it was cancelled. */
  onResolve(answer: { readonly value: unknown } | undefined): void;
  /** What is lent to the task; left out: nothing is. */
  readonly borrowing?: Borrowing;
}

export class Task {
  readonly facts: TaskFacts;
  /** Words of its own (`context.get`). */
  readonly context: number[] = [0, 0];
  readonly #asker: Asker;
  /** What a component lends to it for its call; undefined where the host calls. */
  readonly borrowing: Borrowing | undefined;
  state: 'initial' | 'started' | 'to-cancel' | 'told' | 'resolved' = 'initial';

  constructor(facts: TaskFacts, asker: Asker) {
    this.facts = facts;
    this.#asker = asker;
    this.borrowing = asker.borrowing;
  }

  get isResolved(): boolean {
    return this.state === 'resolved';
  }

  /** Whether its code must be left before other code of the instance is entered. */
  get needsExclusive(): boolean {
    const { mayBlock, isAsync, hasCallback } = this.facts;
    return mayBlock && (!isAsync || hasCallback);
  }

  /** A cancellation that waits for the task to listen; true: it is told now. */
  takeCancellation(isCancellable: boolean): boolean {
    if (!isCancellable || this.state !== 'to-cancel') return false;
    this.state = 'told';
    return true;
  }

  /** @throws Error where it may not answer now, which is the guest's mistake */
  resolve(value: unknown): void {
    if (this.isResolved) throw new Error('Cannot return: a task returns once: received another');
    this.#requireNoBorrows('return');
    this.state = 'resolved';
    this.#asker.onResolve({ value });
  }

  /** @throws Error where nobody asked for it */
  cancel(): void {
    if (this.state !== 'told') {
      throw new Error('Cannot cancel the task: it was told to: received none');
    }
    this.#requireNoBorrows('cancel');
    this.state = 'resolved';
    this.#asker.onResolve(undefined);
  }

  #requireNoBorrows(action: string): void {
    if (this.borrowing?.isKept !== true) return;
    const rule = 'what was lent to the task is dropped first';
    throw new Error(`Cannot ${action}: ${rule}: received a handle that is kept`);
  }
}
