/**
 * Does the steps of a hostcall (`src/abi/steps.ts`) on the guest's turns: as many as its slice has
 * room for, then others have theirs.
 */
import { isSteps, NestedCall, type Steps } from '../../abi/steps.ts';

/** The run whose hostcall it is. */
export interface Waiting {
  /**
   * Whether others should have a turn.
   *
   * @throws when the run's budget is used up
   */
  looksOverdue(): boolean;
  /** @throws when the run is over */
  requireAlive(): void;
  /** @throws the same, and where it cannot wait for `work` */
  requireWaiting(work?: Promise<unknown>): void;
  endByError(error: unknown): WebAssembly.RuntimeError;
  /**
   * Lets go of the thread; at the next turn calls `goOn`.
   *
   * @throws when the run is over
   */
  waitForTurn(goOn: () => void, giveUp: GiveUp): void;
  /** The same when `work` has settled. */
  waitForWork(work: Promise<unknown>, goOn: GoOn, giveUp: GiveUp): void;
}

export type GiveUp = (trap: WebAssembly.RuntimeError) => void;

export interface GoOn {
  withValue(value: unknown): void;
  withError(error: unknown): void;
}

/** What becomes of the hostcall in the end. */
export interface Ends {
  readonly resolve: (result: unknown) => void;
  readonly reject: GiveUp;
}

/** The hostcall's result, or a promise of it where others had turns. */
export function follow(waiting: Waiting, steps: Steps<unknown>): unknown {
  const step = advance(waiting, steps, undefined);
  if (step.done === true) return step.value;
  try {
    waiting.requireWaiting(step.value instanceof Promise ? step.value : undefined);
  } catch (error) {
    // What they hold they give back.
    steps.return(undefined);
    throw error;
  }
  return new Promise((resolve, reject) => {
    waitForStep(new Following(waiting, steps, { resolve, reject }), step.value);
  });
}

/** On the guest's turn: its hostcall's answer, or the steps that lead to it. */
export class Delivery implements GoOn {
  readonly #waiting: Waiting;
  readonly #ends: Ends;

  constructor(waiting: Waiting, ends: Ends) {
    this.#waiting = waiting;
    this.#ends = ends;
  }

  withValue(answer: unknown): void {
    if (!isSteps(answer)) this.#ends.resolve(answer);
    else new Following(this.#waiting, answer, this.#ends).withValue(undefined);
  }

  withError(error: unknown): void {
    this.#ends.reject(this.#waiting.endByError(error));
  }
}

type Step = IteratorResult<unknown, unknown>;

/** Until the steps are done, wait for something, or have used up the slice. */
function advance(waiting: Waiting, steps: Steps<unknown>, sent: unknown): Step {
  for (let step = steps.next(sent); ; step = steps.next(undefined)) {
    if (step.done === true || step.value !== undefined || waiting.looksOverdue()) return step;
  }
}

/** Steps that others have turns between. An object, and no functions: many guests wait at once. */
class Following implements GoOn {
  readonly waiting: Waiting;
  readonly steps: Steps<unknown>;
  readonly ends: Ends;

  constructor(waiting: Waiting, steps: Steps<unknown>, ends: Ends) {
    this.waiting = waiting;
    this.steps = steps;
    this.ends = ends;
  }

  withValue(value: unknown): void {
    goOnWith(this, () => advance(this.waiting, this.steps, value));
  }

  withError(error: unknown): void {
    goOnWith(this, () => this.steps.throw(error));
  }
}

/**
 * On the guest's turn, but never inside `onTurn`: whoever let go of the thread is still below on
 * the stack, and a step may call the guest.
 */
function goOnWith(following: Following, go: () => Step): void {
  queueMicrotask(() => {
    const { waiting, ends } = following;
    try {
      waiting.requireAlive();
      const step = go();
      if (step.done === true) ends.resolve(step.value);
      else waitForStep(following, step.value);
    } catch (error) {
      ends.reject(waiting.endByError(error));
    }
  });
}

/**
 * A promise that was yielded, or a turn after a piece that was done. A nested call has the thread
 * that the run has: others have their turns when it is suspended itself.
 */
function waitForStep(following: Following, yielded: unknown): void {
  const { waiting, ends } = following;
  if (yielded instanceof Promise) waiting.waitForWork(yielded, following, ends.reject);
  else if (yielded instanceof NestedCall) followCall(following, yielded);
  else waiting.waitForTurn(() => following.withValue(undefined), ends.reject);
}

function followCall(following: Following, call: NestedCall): void {
  call.begin().then(
    (value) => following.withValue(value),
    (error: unknown) => following.ends.reject(following.waiting.endByError(error)),
  );
}
