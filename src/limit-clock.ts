/**
 * One time limit for many things, with one coarse timer: a timer for each would cost a large part
 * of a short request. What is watched ends at most one tick late. Touches the clock.
 */
const ticksPerLimit = 50;
const tickMsMin = 5;
const tickMsMax = 250;

export interface Watched {
  /** Set by the clock. */
  deadlineMs: number;
  onDeadline(): void;
}

export class LimitClock {
  readonly #limitMs: number;
  readonly #tickMs: number;
  /** In order of their deadlines, because the limit is the same for all. */
  readonly #watched = new Set<Watched>();
  /** Runs only while something is watched; alone it keeps no process. */
  #timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
    this.#tickMs = Math.min(tickMsMax, Math.max(tickMsMin, limitMs / ticksPerLimit));
  }

  /** What is watched now. */
  get size(): number {
    return this.#watched.size;
  }

  /**
   * Calls `onDeadline` once the limit has passed since `nowMs`, unless `unwatch` comes first. What
   * is watched already has its whole time again.
   */
  watch(watched: Watched, nowMs: number): void {
    watched.deadlineMs = nowMs + this.#limitMs;
    this.#watched.delete(watched);
    this.#watched.add(watched);
    this.#timer ??= setInterval(() => this.#tick(performance.now()), this.#tickMs).unref();
  }

  unwatch(watched: Watched): void {
    this.#watched.delete(watched);
  }

  close(): void {
    this.#stop();
    this.#watched.clear();
  }

  #tick(nowMs: number): void {
    if (this.#watched.size === 0) this.#stop();
    for (const watched of this.#watched) {
      if (watched.deadlineMs > nowMs) return;
      this.#watched.delete(watched);
      watched.onDeadline();
    }
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
