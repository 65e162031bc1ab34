/** A guest that can serve one run after another: an instance and its first state. */
import type { Steps } from '../abi/steps.ts';
import type { GuestInstance } from './instance.ts';
import type { RestoreMode, Snapshot } from './restore/snapshot.ts';
import type { Activation } from './run/activation.ts';
import type { GuestCharge } from './supply/guest-charge.ts';

export interface GuestOptions {
  readonly instance: GuestInstance;
  /** Undefined where the module cannot be restored, and serves one run an instance. */
  readonly snapshot: Snapshot | undefined;
  /** Whether what the program wants to be run before its entry has been; else each run does it. */
  readonly isStarted: boolean;
  /** Ends the instance and gives back what it took out of the thread's stock. */
  readonly onDiscard: () => void;
}

/** A memory that grew by more than this is given up rather than kept and cleared. */
const grownBytesMax = 16 * 1024 * 1024;

export class Guest {
  readonly instance: GuestInstance;
  readonly isStarted: boolean;
  readonly #snapshot: Snapshot | undefined;
  readonly #firstBytes: number;
  readonly #onDiscard: () => void;
  #isDiscarded = false;
  #siteKey: string | undefined;
  /** What its cores had left when the run began; undefined where nobody counts. */
  #fuelAtStart: number | undefined;

  constructor(options: GuestOptions) {
    this.instance = options.instance;
    this.isStarted = options.isStarted;
    this.#snapshot = options.snapshot;
    this.#onDiscard = options.onDiscard;
    this.#firstBytes = options.instance.physicalBytes;
  }

  /** Undefined: it serves one run only. */
  get mode(): RestoreMode | undefined {
    return this.#snapshot?.mode;
  }

  get charge(): GuestCharge {
    return this.instance.charge;
  }

  /**
   * Bytes of its memories, which have `physicalBytes` now, that it holds addresses for and nothing
   * else, while it is idle.
   */
  untouchedBytes(physicalBytes: number): number {
    return physicalBytes - (this.#snapshot?.residentBytes ?? physicalBytes);
  }

  /** Whether the guest may serve again after a run that returned and left so much memory. */
  isKeepable(memoryBytes: number): boolean {
    return this.#snapshot !== undefined && memoryBytes - this.#firstBytes <= grownBytesMax;
  }

  /**
   * The only site it may serve, once a run of that site has grown it. Memory never shrinks, and
   * loads beyond the size that the guest believes in do not trap: what one site grew, no other site
   * with these bytes gets. Changes while it serves alone.
   */
  get siteKey(): string | undefined {
    return this.#siteKey;
  }

  /**
   * It has been idle, and is there for the run of `activation` from now on.
   *
   * @param counts Whether somebody will ask for `fuelUsed`.
   */
  serve(activation: Activation, counts = false): void {
    this.charge.serve(activation.share);
    this.instance.attach(activation);
    if (this.mode === 'copy-on-write') this.instance.limitFuel();
    this.#fuelAtStart = counts ? this.instance.fuelLeft : undefined;
  }

  /** Fuel that the run of `activation` has used until now; undefined where nobody counts. */
  fuelUsed(activation: Activation): number | undefined {
    if (this.#fuelAtStart === undefined) return undefined;
    return this.#fuelAtStart + activation.refuelled - this.instance.fuelLeft;
  }

  /**
   * Puts everything but `takeRest` back to the first state after a run of `siteKey`. Answers how
   * many pages were written, or undefined where that is not known.
   *
   * @throws when it cannot: then the guest must be discarded
   */
  restore(memoryBytes: number, siteKey: string): number | undefined {
    if (memoryBytes > this.#firstBytes) this.#siteKey = siteKey;
    this.instance.restoreState();
    return this.#snapshot?.restore();
  }

  /** What is still to be put back, of a large memory; undefined where that is nothing. */
  takeRest(): Steps<void> | undefined {
    return this.#snapshot?.takeRest();
  }

  discard(): void {
    if (this.#isDiscarded) return;
    this.#isDiscarded = true;
    this.#onDiscard();
  }
}
