/** Waits of a guest for nothing but its turn: its slice is over. */
import type { GiveUp } from './follow.ts';

/** The run that waits. */
export interface Pausing {
  /** @throws when it is over, or cannot wait */
  requireWaiting(): void;
  waitForTurn(goOn: () => void, giveUp: GiveUp): void;
}

/** The run of a metered core. */
export interface Refuelled extends Pausing {
  gaugeOf(core: number): { give(nowMs: number): number };
}

/**
 * Others have a turn before the guest has `result`.
 *
 * @throws when the run is over, or cannot wait
 */
export function pauseWith<T>(run: Pausing, result: T): Promise<T> {
  run.requireWaiting();
  return new Promise((resolve, reject) => {
    run.waitForTurn(() => resolve(result), reject);
  });
}

/** The same for a core whose fuel is used up: it gets the next when it goes on. */
export function pauseForFuel(run: Refuelled, core: number, nowMs: () => number): Promise<number> {
  run.requireWaiting();
  return new Promise((resolve, reject) => {
    const goOn = (): void => resolve(run.gaugeOf(core).give(nowMs()));
    run.waitForTurn(goOn, reject);
  });
}
