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
  readonly withValue: (value: unknown) => void;
  readonly withError: (error: unknown) => void;
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
  return new Promise((resolve, reject) => {
    waitForStep(waiting, { steps, yielded: step.value, ends: { resolve, reject } });
  });
}

/** On the guest's turn: its hostcall's answer, or the steps that lead to it. */
export function deliver(waiting: Waiting, answer: unknown, ends: Ends): void {
  if (!isSteps(answer)) ends.resolve(answer);
  else goOnWith(waiting, { steps: answer, ends }, () => advance(waiting, answer, undefined));
}

type Step = IteratorResult<unknown, unknown>;

/** Until the steps are done, wait for something, or have used up the slice. */
function advance(waiting: Waiting, steps: Steps<unknown>, sent: unknown): Step {
  for (let step = steps.next(sent); ; step = steps.next(undefined)) {
    if (step.done === true || step.value !== undefined || waiting.looksOverdue()) return step;
  }
}

interface Course {
  readonly steps: Steps<unknown>;
  readonly ends: Ends;
}

/**
 * On the guest's turn, but never inside `onTurn`: whoever let go of the thread is still below on
 * the stack, and a step may call the guest.
 */
function goOnWith(waiting: Waiting, { steps, ends }: Course, go: () => Step): void {
  queueMicrotask(() => {
    try {
      waiting.requireAlive();
      const step = go();
      if (step.done === true) ends.resolve(step.value);
      else waitForStep(waiting, { steps, ends, yielded: step.value });
    } catch (error) {
      ends.reject(waiting.endByError(error));
    }
  });
}

/**
 * A promise that was yielded, or a turn after a piece that was done. A nested call has the thread
 * that the run has: others have their turns when it is suspended itself.
 */
function waitForStep(waiting: Waiting, course: Course & { readonly yielded: unknown }): void {
  const { steps, ends, yielded } = course;
  const goOn = (go: () => Step): void => goOnWith(waiting, course, go);
  if (yielded instanceof Promise) {
    const withValue = (value: unknown): void => goOn(() => advance(waiting, steps, value));
    const withError = (error: unknown): void => goOn(() => steps.throw(error));
    waiting.waitForWork(yielded, { withValue, withError }, ends.reject);
  } else if (yielded instanceof NestedCall) {
    yielded.begin().then(
      (value) => goOn(() => advance(waiting, steps, value)),
      (error: unknown) => ends.reject(waiting.endByError(error)),
    );
  } else {
    waiting.waitForTurn(() => goOn(() => advance(waiting, steps, undefined)), ends.reject);
  }
}
