/** How long a run may take: most have the limit of all, and share one clock. */
import type { LimitClock, Watched } from '../../limit-clock.ts';

export class WallLimit {
  readonly #clock: LimitClock;
  /** Where the run has less time than all. */
  readonly #ownMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param ownMs Of the run alone; left out, or more than `allMs`: it has that. */
  constructor(clock: LimitClock, allMs: number, ownMs: number | undefined) {
    this.#clock = clock;
    this.#ownMs = ownMs !== undefined && ownMs < allMs ? ownMs : undefined;
  }

  /** In milliseconds; undefined where it is that of all. */
  get ownMs(): number | undefined {
    return this.#ownMs;
  }

  /** From now on; one that is watched already has its whole time again. */
  watch(run: Watched, nowMs: number): void {
    if (this.#ownMs === undefined) this.#clock.watch(run, nowMs);
    else {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => run.onDeadline(), this.#ownMs);
    }
  }

  unwatch(run: Watched): void {
    if (this.#ownMs === undefined) this.#clock.unwatch(run);
    else clearTimeout(this.#timer);
  }
}
