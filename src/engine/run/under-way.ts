/**
 * The runs of a thread that have not ended: a daemon that stops waits for them, also for those
 * whose answer has left long ago.
 */

/** The fields are this list's: a set would cost every run more than all else about its end. */
export interface Endable {
  begunBefore: Endable | undefined;
  begunAfter: Endable | undefined;
  end(cause: 'abandoned'): void;
}

export class RunsUnderWay {
  #last: Endable | undefined;
  #size = 0;
  #onNone: (() => void) | undefined;

  begin(run: Endable): void {
    const last = this.#last;
    run.begunBefore = last;
    if (last !== undefined) last.begunAfter = run;
    this.#last = run;
    this.#size += 1;
  }

  /** The run is over, and nothing more will be done for it; to be called once. */
  end(run: Endable): void {
    const { begunBefore, begunAfter } = run;
    if (begunBefore !== undefined) begunBefore.begunAfter = begunAfter;
    if (begunAfter !== undefined) begunAfter.begunBefore = begunBefore;
    else this.#last = begunBefore;
    run.begunBefore = undefined;
    run.begunAfter = undefined;
    this.#size -= 1;
    if (this.#size === 0) this.#onNone?.();
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
    for (let run = this.#last; run !== undefined; run = run.begunBefore) run.end('abandoned');
  }
}
