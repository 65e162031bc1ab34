/**
 * One time limit for many things, with one coarse timer: a timer for each would cost a large part
 * of a short request. What is watched ends at most one tick late. Touches the clock.
 */
const ticksPerLimit = 50;
const tickMsMin = 5;
const tickMsMax = 250;

/** The fields are the clock's: a set of its own would be made anew again and again. */
export interface Watched {
  deadlineMs: number;
  earlier: Watched | undefined;
  later: Watched | undefined;
  onDeadline(): void;
}

export class LimitClock {
  #limitMs: number;
  readonly #tickMs: number;
  /** In order of their deadlines, because the limit is the same for all. */
  #first: Watched | undefined;
  #last: Watched | undefined;
  #size = 0;
  /** Runs only while something is watched; alone it keeps no process. */
  #timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
    this.#tickMs = Math.min(tickMsMax, Math.max(tickMsMin, limitMs / ticksPerLimit));
  }

  /** How many are watched now. */
  get size(): number {
    return this.#size;
  }

  /**
   * Calls `onDeadline` once the limit has passed since `nowMs`, unless `unwatch` comes first. What
   * is watched already has its whole time again. One clock at a time may watch a thing.
   */
  watch(watched: Watched, nowMs: number): void {
    this.unwatch(watched);
    watched.deadlineMs = nowMs + this.#limitMs;
    watched.earlier = this.#last;
    if (this.#last === undefined) this.#first = watched;
    else this.#last.later = watched;
    this.#last = watched;
    this.#size += 1;
    this.#timer ??= setInterval(() => this.#tick(performance.now()), this.#tickMs).unref();
  }

  /** A shorter limit holds for what is watched already, too; a longer one for what comes. */
  setLimit(limitMs: number, nowMs: number): void {
    this.#limitMs = limitMs;
    const latestMs = nowMs + limitMs;
    // In their order, as before: what would end later ends with the last that may.
    for (let watched = this.#last; watched !== undefined; watched = watched.earlier) {
      if (watched.deadlineMs <= latestMs) return;
      watched.deadlineMs = latestMs;
    }
  }

  unwatch(watched: Watched): void {
    const { earlier, later } = watched;
    if (earlier === undefined && this.#first !== watched) return;
    if (earlier === undefined) this.#first = later;
    else earlier.later = later;
    if (later === undefined) this.#last = earlier;
    else later.earlier = earlier;
    watched.earlier = undefined;
    watched.later = undefined;
    this.#size -= 1;
  }

  close(): void {
    this.#stop();
    while (this.#first !== undefined) this.unwatch(this.#first);
  }

  #tick(nowMs: number): void {
    if (this.#size === 0) this.#stop();
    for (;;) {
      const first = this.#first;
      if (first === undefined || first.deadlineMs > nowMs) return;
      this.unwatch(first);
      first.onDeadline();
    }
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
