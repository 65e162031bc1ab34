/** How many folders of one mount are walked, and how many of its files read, at once, by owner. */
import { Gate, type OwnerGate } from '../../account/gate.ts';
import { OwnerQueue } from '../../account/owner-queue.ts';
import type { OwnerKey } from '../../names.ts';
import type { WalkPace } from './pace.ts';
import type { WalkGates } from './walk-turn.ts';

/** Reading modules, whole; a mount that reads slowly holds up only itself. */
export interface ReadGates {
  /**
   * Of up to `smallBytesMax`, until they are compiled: where hundreds come at once, some are served
   * while others wait. Rejects with 'overloaded' when too many wait.
   */
  readonly small: Pick<OwnerGate, 'pass'>;
  /** One in memory at a time. */
  readonly large: Pick<OwnerGate, 'pass'>;
  /** Whether so many small ones wait that one may take long: see `Patience`. */
  readonly isRushed: () => boolean;
}

export const smallBytesMax = 1024 * 1024;
/** Below the mount's cap of operations in flight. */
const shortWalkLimits = { passesMax: 8, passesPerOwnerMax: 2 };
/** Each may hold some megabytes. */
const longWalkLimits = { passesMax: 3, passesPerOwnerMax: 1 };
const smallReadLimits = { runningMax: 8, runningPerOwnerMax: 2, queuedMax: 32_768 };
/** Of small modules, those under way included. */
const rushedReads = 24;
const largeReadLimits = { passesMax: 1, passesPerOwnerMax: 1 };

export class MountReads {
  readonly #small = new OwnerQueue({ ...smallReadLimits, nowMs: () => performance.now() });
  readonly #large = new Gate(largeReadLimits);

  forOwner(owner: OwnerKey): ReadGates {
    return {
      small: { pass: (action) => this.#small.pass(owner, action) },
      large: this.#large.forOwner(owner),
      isRushed: () => this.#small.size > rushedReads,
    };
  }
}

export class MountGates {
  readonly #pace: WalkPace;
  readonly #shortWalks = new Gate(shortWalkLimits);
  readonly #longWalks = new Gate(longWalkLimits);
  readonly #reads = new MountReads();

  /** `pace`: of all mounts. */
  constructor(pace: WalkPace) {
    this.#pace = pace;
  }

  forOwner(owner: OwnerKey): { readonly walks: WalkGates; readonly reads: ReadGates } {
    const walks = {
      short: this.#shortWalks.forOwner(owner),
      long: this.#longWalks.forOwner(owner),
      pace: this.#pace.forOwner(owner),
    };
    return { walks, reads: this.#reads.forOwner(owner) };
  }
}
