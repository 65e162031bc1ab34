/**
 * The keeper's work, a little in each turn of the event loop: whoever fills caches and purges them
 * must not keep the control plane from what else it does, which is looking for folders, deploying,
 * and answering for stores. In the order in which it came; what is done in steps goes on behind
 * what came meanwhile. Pure but for the clock and the event loop.
 */

/** Steps of one piece of work. */
export type Steps = Iterator<undefined, void>;

/** So much of a turn is the keeper's. */
const turnMs = 2;

export class PacedWork {
  readonly #nowMs: () => number;
  #waiting: (Steps | (() => Steps | undefined))[] = [];
  /** Of `#waiting`, the next. */
  #next = 0;
  #isPlanned = false;
  #turnEndsAtMs = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Does `work`, which may go on in steps: at once, where nothing waits and the turn has time. */
  do(work: () => Steps | undefined): void {
    this.#beginTurn();
    if (this.#next < this.#waiting.length || !this.#hasTime) {
      this.#waiting.push(work);
      return;
    }
    const steps = work();
    if (steps !== undefined) this.#goOn(steps);
  }

  get #hasTime(): boolean {
    return this.#nowMs() < this.#turnEndsAtMs;
  }

  #beginTurn(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    this.#turnEndsAtMs = this.#nowMs() + turnMs;
    setImmediate(() => {
      this.#isPlanned = false;
      if (this.#next < this.#waiting.length) this.#work();
    });
  }

  #work(): void {
    this.#beginTurn();
    while (this.#hasTime) {
      const work = this.#waiting[this.#next];
      if (work === undefined) {
        this.#waiting = [];
        this.#next = 0;
        return;
      }
      this.#next += 1;
      const steps = typeof work === 'function' ? work() : work;
      if (steps !== undefined) this.#goOn(steps);
    }
    this.#waiting = this.#waiting.slice(this.#next);
    this.#next = 0;
  }

  #goOn(steps: Steps): void {
    do {
      if (steps.next().done === true) return;
    } while (this.#hasTime);
    this.#waiting.push(steps);
  }
}
