/** How far a module is on its way into service, for whoever has waited for it long enough. */
import { TerrafirmaError } from '../../errors.ts';

/** Until it is disposed of, a request waits for a module. */
export interface Wanted extends Disposable {
  /** What is done about the module now; undefined: nothing. */
  readonly progress: () => string | undefined;
}

/** In this order. */
const steps = {
  read: 'read',
  rewritten: 'checked and rewritten',
  tried: 'compiled on trial',
  compiled: 'compiled',
} as const;
const stepNames = Object.keys(steps);

export type BuildStep = keyof typeof steps;

export class Progress {
  readonly #bytes: number;
  readonly #startedAtMs = performance.now();
  #step: BuildStep = 'read';

  /** `bytes`: of the module. */
  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  enter(step: BuildStep): void {
    this.#step = step;
  }

  /** Such as `the module (11.5 MB) is being compiled: step 4 of 4, after 12 s`. */
  toString(): string {
    const number = stepNames.indexOf(this.#step) + 1;
    const seconds = Math.round((performance.now() - this.#startedAtMs) / 1_000);
    const size = `${(this.#bytes / 1e6).toFixed(1)} MB`;
    const where = `step ${number} of ${stepNames.length}, after ${seconds} s`;
    return `the module (${size}) is being ${steps[this.#step]}: ${where}`;
  }
}

/** What a request is told that has waited for a module for long enough. */
export function noVerdict(reason: string): TerrafirmaError {
  return new TerrafirmaError('no-verdict', `Cannot answer yet: ${reason}`);
}

export interface PatienceOptions {
  /** How long a request waits for a module. */
  readonly waitMs: number;
  /** Whether so many modules are waited for that this one may take long. */
  readonly isRushed: () => boolean;
  readonly nowMs: () => number;
}

/** In a rush a request waits for a part of the time: its visitor had better come again. */
const rushedShare = 1 / 5;

/** How much longer a request waits for its module, from the making of this on. */
export class Patience {
  readonly #options: PatienceOptions;
  readonly #startedAtMs: number;

  constructor(options: PatienceOptions) {
    this.#options = options;
    this.#startedAtMs = options.nowMs();
  }

  /** Milliseconds until it may be over, 0 when it is. */
  get leftMs(): number {
    const { waitMs, isRushed, nowMs } = this.#options;
    const waitedMs = nowMs() - this.#startedAtMs;
    const rushedMs = waitMs * rushedShare;
    if (waitedMs < rushedMs) return rushedMs - waitedMs;
    return isRushed() ? 0 : Math.max(0, waitMs - waitedMs);
  }
}
