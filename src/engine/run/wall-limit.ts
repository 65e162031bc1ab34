/** How long runs may take: those without a limit of their own share one clock, and this. */
import type { LimitClock, Watched } from '../../limit-clock.ts';

export class WallLimit {
  readonly #clock: LimitClock;
  /** Of one run, in milliseconds, where it has less time than all. */
  readonly ownMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(clock: LimitClock, ownMs?: number) {
    this.#clock = clock;
    this.ownMs = ownMs;
  }

  /** What holds for a run: its own limit, where it is less than the `allMs` that all have. */
  for(ownMs: number | undefined, allMs: number): WallLimit {
    if (ownMs === undefined || ownMs >= allMs) return this;
    return new WallLimit(this.#clock, ownMs);
  }

  /** From now on; one that is watched already has its whole time again. */
  watch(run: Watched, nowMs: number): void {
    if (this.ownMs === undefined) this.#clock.watch(run, nowMs);
    else {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => run.onDeadline(), this.ownMs);
    }
  }

  unwatch(run: Watched): void {
    if (this.ownMs === undefined) this.#clock.unwatch(run);
    else clearTimeout(this.#timer);
  }
}
