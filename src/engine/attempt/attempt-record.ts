/** Whether runs of a program are worth an attempt (see attempt.ts), by what became of the last. */

/** So many runs in a row that waited for nothing come before the first attempt. */
const quietRunsMin = 64;
/** After each attempt that was dropped too soon it takes so many times as many. */
const growth = 4;
const quietRunsMax = 65_536;
/**
 * Where so many were kept between two that were dropped, attempts go on: one that is dropped costs
 * its time, and some also their guest, which is fifty times as much.
 */
const keptRunsMin = { clean: 8, unclean: 512 };

export interface AttemptCounts {
  readonly kept: number;
  readonly dropped: number;
}

export class AttemptRecord {
  readonly #fixed: 'always' | 'never' | undefined;
  #quietRunsWanted = quietRunsMin;
  #quietRuns = 0;
  /** Since the last that was dropped. */
  #keptRuns = 0;
  #kept = 0;
  #dropped = 0;

  /** @param fixed For tests and benchmarks. */
  constructor(fixed?: 'always' | 'never') {
    this.#fixed = fixed;
  }

  /** Attempts that were kept and dropped until now. */
  get counts(): AttemptCounts {
    return { kept: this.#kept, dropped: this.#dropped };
  }

  get isWorthIt(): boolean {
    if (this.#fixed !== undefined) return this.#fixed === 'always';
    return this.#quietRuns >= this.#quietRunsWanted;
  }

  /** A run has ended that was none; `isQuiet` where it has waited for nothing. */
  noteRun(isQuiet: boolean): void {
    this.#quietRuns = isQuiet ? this.#quietRuns + 1 : 0;
  }

  /** An attempt has ended; `isClean` where its guest is kept, if it was dropped. */
  note({ isDropped, isClean }: { readonly isDropped: boolean; readonly isClean: boolean }): void {
    if (isDropped) this.#noteDropped(isClean);
    else this.#noteKept();
  }

  #noteKept(): void {
    this.#kept += 1;
    this.#keptRuns += 1;
    if (this.#keptRuns === keptRunsMin.unclean) this.#quietRunsWanted = quietRunsMin;
  }

  #noteDropped(isClean: boolean): void {
    this.#dropped += 1;
    if (this.#keptRuns < (isClean ? keptRunsMin.clean : keptRunsMin.unclean)) {
      this.#quietRuns = 0;
      this.#quietRunsWanted = Math.min(this.#quietRunsWanted * growth, quietRunsMax);
    }
    this.#keptRuns = 0;
  }
}
