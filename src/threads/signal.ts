/** Wakes those who wait for the next change of something. */
export class Signal {
  readonly #waiters = new Set<() => void>();

  /** Resolves at the next `notify`, or after `waitMsMax`. */
  async next(waitMsMax: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.max(0, waitMsMax));
    this.#waiters.add(resolve);
    await promise;
    clearTimeout(timer);
    this.#waiters.delete(resolve);
  }

  notify(): void {
    for (const wake of this.#waiters) wake();
  }
}
