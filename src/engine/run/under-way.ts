/**
 * The runs of a thread that have not ended: a daemon that stops waits for them, also for those
 * whose answer has left long ago.
 */

/** What can be ended before its time. */
export interface Endable {
  end(cause: 'abandoned'): void;
}

export class RunsUnderWay {
  readonly #runs = new Set<Endable>();
  #onLast: (() => void) | undefined;

  get size(): number {
    return this.#runs.size;
  }

  begin(run: Endable): void {
    this.#runs.add(run);
  }

  /** The run is over, and nothing more will be done for it. */
  end(run: Endable): void {
    this.#runs.delete(run);
    if (this.#runs.size === 0) this.#onLast?.();
  }

  /** Resolves when there are none; those that are left after `waitMs` are given up. */
  async drain(waitMs: number): Promise<void> {
    if (this.#runs.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onLast = resolve;
    const timer = setTimeout(() => {
      for (const run of [...this.#runs]) run.end('abandoned');
    }, waitMs);
    await promise;
    clearTimeout(timer);
    this.#onLast = undefined;
  }
}
