/**
 * The runs of a thread that have not ended: a daemon that stops waits for them, also for those
 * whose answer has left long ago, and whoever operates it sees them.
 */
import type { HostEnd } from '../turn/ending.ts';

/** The fields are this list's: a set would cost every run more than all else about its end. */
export interface Endable<Run> {
  begunBefore: Run | undefined;
  begunAfter: Run | undefined;
  end(cause: HostEnd): void;
}

export class RunsUnderWay<Run extends Endable<Run>> {
  #last: Run | undefined;
  #size = 0;
  #onNone: (() => void) | undefined;

  begin(run: Run): void {
    const last = this.#last;
    run.begunBefore = last;
    if (last !== undefined) last.begunAfter = run;
    this.#last = run;
    this.#size += 1;
  }

  /** The run is over, and nothing more will be done for it; to be called once. */
  end(run: Run): void {
    const { begunBefore, begunAfter } = run;
    if (begunBefore !== undefined) begunBefore.begunAfter = begunAfter;
    if (begunAfter !== undefined) begunAfter.begunBefore = begunBefore;
    else this.#last = begunBefore;
    run.begunBefore = undefined;
    run.begunAfter = undefined;
    this.#size -= 1;
    if (this.#size === 0) this.#onNone?.();
  }

  get size(): number {
    return this.#size;
  }

  /** The one that began last first. */
  *[Symbol.iterator](): IterableIterator<Run> {
    for (let run = this.#last; run !== undefined; run = run.begunBefore) yield run;
  }

  /** Resolves when there are none; those that are left after `waitMs` are given up. */
  async drain(waitMs: number): Promise<void> {
    if (this.#size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onNone = resolve;
    const timer = setTimeout(() => this.#giveUpAll(), waitMs);
    await promise;
    clearTimeout(timer);
    this.#onNone = undefined;
  }

  /** Their ends come later, in microtasks: the list stays as it is meanwhile. */
  #giveUpAll(): void {
    for (const run of this) run.end('abandoned');
  }
}
