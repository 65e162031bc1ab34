/** How long to wait before something that ended is started again: twice as long each time. Pure. */

export interface BackOffOptions {
  readonly msMin: number;
  readonly msMax: number;
  /** What has lasted so long begins again with the shortest wait. */
  readonly steadyMs: number;
}

export class BackOff {
  readonly #options: BackOffOptions;
  #nextMs: number;

  constructor(options: BackOffOptions) {
    this.#options = options;
    this.#nextMs = options.msMin;
  }

  /** Milliseconds until the next start of what has lasted for `lastedMs`. */
  next(lastedMs: number): number {
    const { msMax, msMin, steadyMs } = this.#options;
    const waitMs = lastedMs > steadyMs ? msMin : this.#nextMs;
    this.#nextMs = Math.min(msMax, waitMs * 2);
    return waitMs;
  }
}
