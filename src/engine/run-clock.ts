/**
 * Wall-clock limits for all runs of a thread with one coarse timer: a timer per run would cost a
 * large part of a short run. A run ends at most one tick late.
 */
const TICKS_PER_LIMIT = 50;
const TICK_MS_MIN = 5;
const TICK_MS_MAX = 250;

interface Watch {
  readonly deadlineMs: number;
  readonly onDeadline: () => void;
}

export class RunClock {
  readonly #wallMsMax: number;
  readonly #watches = new Set<Watch>();
  readonly #timer: NodeJS.Timeout;

  constructor(wallMsMax: number) {
    this.#wallMsMax = wallMsMax;
    const tickMs = Math.min(TICK_MS_MAX, Math.max(TICK_MS_MIN, wallMsMax / TICKS_PER_LIMIT));
    this.#timer = setInterval(() => this.#tick(performance.now()), tickMs);
    this.#timer.unref();
  }

  /** Calls `onDeadline` once the limit has passed, unless the returned function is called first. */
  watch(onDeadline: () => void): () => void {
    const watch = { deadlineMs: performance.now() + this.#wallMsMax, onDeadline };
    this.#watches.add(watch);
    return () => this.#watches.delete(watch);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#watches.clear();
  }

  /** Watches are in order of their deadlines, because the limit is the same for all. */
  #tick(nowMs: number): void {
    for (const watch of this.#watches) {
      if (watch.deadlineMs > nowMs) return;
      this.#watches.delete(watch);
      watch.onDeadline();
    }
  }
}
