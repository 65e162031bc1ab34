/** What the runs of an artifact cost: averages, for choosing how to restore it. */
import { AttemptRecord } from '../attempt/attempt-record.ts';
import { type Measured, markingShare, pageFaultUs, slowFuelUs } from '../restore/choice.ts';
import type { RestoreMode } from '../restore/snapshot.ts';

export interface RunFacts {
  readonly cpuUs: number;
  /** What it used; undefined where nobody counted. */
  readonly fuel: number | undefined;
  /** In which its marked cards lie; undefined where they were not counted. */
  readonly pages: number | undefined;
  readonly memoryBytes: number;
}

/** The first review waits until the code is warm; later ones become ever rarer. */
const firstReviewRuns = 128;
const reviewRunsMax = 4_096;
/** So many before a review are measured: what came before would hardly count, and looks cost. */
const measuredRuns = 64;
/**
 * The fastest of so many runs counts: a thread that was interrupted, or collected garbage, has not
 * measured the guest.
 */
const runsPerSample = 8;
/** How much the newest sample counts. */
const newestShare = 1 / 4;

export class RunRecord {
  readonly attempts: AttemptRecord;
  #runs = 0;
  #nextReview = firstReviewRuns;
  #fastestUs = Number.POSITIVE_INFINITY;
  #cpuUs: number | undefined;
  #fuel: number | undefined;
  #pages: number | undefined;

  /** @param attempts Whatever has become of the last; left out: that is learnt. */
  constructor(attempts?: 'always' | 'never') {
    this.attempts = new AttemptRecord(attempts);
  }

  /** Whether what runs that end now have cost is wanted. */
  get isMeasuring(): boolean {
    return this.#runs >= this.#nextReview - measuredRuns;
  }

  /** Whether the fuel of runs that begin now is wanted. */
  get isSampling(): boolean {
    return this.isMeasuring && this.#runs % runsPerSample === 0;
  }

  /** A clean run that was not measured; one that could not be does not count beside others. */
  count(): void {
    if (!this.isMeasuring) this.#runs += 1;
  }

  /** Takes in a clean run of a guest that is restored by `mode`. */
  add({ cpuUs, fuel, pages }: RunFacts, mode: RestoreMode): void {
    this.#runs += 1;
    if (fuel !== undefined) this.#fuel = blend(this.#fuel, fuel);
    this.#fastestUs = Math.min(this.#fastestUs, cpuUs);
    if (pages !== undefined) this.#pages = blend(this.#pages, pages);
    if (this.#runs % runsPerSample !== 0) return;
    this.#cpuUs = blend(this.#cpuUs, this.#withoutRestoring(this.#fastestUs, mode));
    this.#fastestUs = Number.POSITIVE_INFINITY;
  }

  /** Whether it is time to think the way of restoring over. */
  get isDue(): boolean {
    return this.#runs >= this.#nextReview;
  }

  /** What was measured; the next review comes when as many runs have passed again. */
  review(memoryBytes: number): Measured {
    this.#nextReview = this.#runs + Math.min(this.#runs, reviewRunsMax);
    const byFuelUs = (this.#fuel ?? Number.POSITIVE_INFINITY) * slowFuelUs;
    const cpuUs = Math.min(this.#cpuUs ?? 0, byFuelUs);
    return { cpuUs, pages: this.#pages ?? 0, memoryBytes };
  }

  /** The guest's own time: what its way of being restored costs it meanwhile is taken off. */
  #withoutRestoring(cpuUs: number, mode: RestoreMode): number {
    if (mode === 'cards') return cpuUs / (1 + markingShare);
    if (mode === 'copy') return cpuUs;
    return Math.max(0, cpuUs - (this.#pages ?? 0) * pageFaultUs);
  }
}

function blend(before: number | undefined, newest: number): number {
  return before === undefined ? newest : before + (newest - before) * newestShare;
}
