/**
 * Wall-clock limits for all runs of a thread with one coarse timer: a timer per run would cost a
 * large part of a short run. A run ends at most one tick late.
 */
const ticksPerLimit = 50;
const tickMsMin = 5;
const tickMsMax = 250;

export interface Watched {
  deadlineMs: number;
  onDeadline(): void;
}

export class RunClock {
  readonly #wallMsMax: number;
  /** In order of their deadlines, because the limit is the same for all. */
  readonly #watched = new Set<Watched>();
  readonly #timer: NodeJS.Timeout;

  constructor(wallMsMax: number) {
    this.#wallMsMax = wallMsMax;
    const tickMs = Math.min(tickMsMax, Math.max(tickMsMin, wallMsMax / ticksPerLimit));
    this.#timer = setInterval(() => this.#tick(performance.now()), tickMs);
    this.#timer.unref();
  }

  /** Calls `onDeadline` once the limit has passed, unless `unwatch` comes first. */
  watch(watched: Watched, nowMs: number): void {
    watched.deadlineMs = nowMs + this.#wallMsMax;
    this.#watched.delete(watched);
    this.#watched.add(watched);
  }

  unwatch(watched: Watched): void {
    this.#watched.delete(watched);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#watched.clear();
  }

  #tick(nowMs: number): void {
    for (const watched of this.#watched) {
      if (watched.deadlineMs > nowMs) return;
      this.#watched.delete(watched);
      watched.onDeadline();
    }
  }
}
