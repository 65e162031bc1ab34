/** A guest that can serve one run after another: an instance and its first state. */
import type { Steps } from '../abi/steps.ts';
import type { GuestInstance } from './instance.ts';
import type { RestoreMode, Snapshot } from './restore/snapshot.ts';
import type { Activation } from './run/activation.ts';
import type { GuestCharge } from './supply/guest-charge.ts';
import { type Room, roomBytesOf, roomFor } from './supply/rooms.ts';

/** Ends an instance and gives back what it took. */
export interface Discarding {
  discard(): void;
}

export interface GuestOptions {
  readonly instance: GuestInstance;
  /** Undefined where the module cannot be restored, and serves one run an instance. */
  readonly snapshot: Snapshot | undefined;
  /** Whether what the program wants to be run before its entry has been; else each run does it. */
  readonly isStarted: boolean;
  /** Ends the instance and gives back what it took out of the thread's stock. */
  readonly held: Discarding;
}

/** A memory that grew by more than this is given up rather than kept and cleared. */
const grownBytesMax = 16 * 1024 * 1024;

export class Guest {
  readonly instance: GuestInstance;
  readonly isStarted: boolean;
  readonly #snapshot: Snapshot | undefined;
  readonly #firstBytes: number;
  readonly #held: Discarding;
  #isDiscarded = false;
  #siteKey: string | undefined;
  #room: Room = 0;
  /** What its cores had left when the run began; undefined where nobody counts. */
  #fuelAtStart: number | undefined;
  #isNew = true;

  constructor(options: GuestOptions) {
    this.instance = options.instance;
    this.isStarted = options.isStarted;
    this.#snapshot = options.snapshot;
    this.#held = options.held;
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
   * The only site it may serve, once a run of that site has grown it beyond all rooms. Memory never
   * shrinks, and loads beyond the size that the guest believes in do not trap: what one site grew,
   * no other site with these bytes gets. Changes while it serves alone.
   */
  get siteKey(): string | undefined {
    return this.#siteKey;
  }

  /** What its memory has beyond its first size, where any site may have it: see rooms.ts. */
  get room(): Room {
    return this.#room;
  }

  /**
   * Gives it `room` if it has less. False where it cannot have that: of a program with several
   * memories, or one that is not restored by cards, what is there would be put back each time.
   */
  makeRoom(room: Room): boolean {
    if (room <= this.#room) return true;
    const { memories, physicalBytes } = this.instance;
    const bytes = this.#firstBytes + roomBytesOf(room);
    if (this.mode !== 'cards' || this.#siteKey !== undefined || memories.all.length > 1)
      return false;
    if (bytes > physicalBytes) {
      if (!this.charge.tryGrow(bytes - physicalBytes)) return false;
      if (!memories.growBare(bytes)) {
        this.charge.shrink(bytes - physicalBytes);
        return false;
      }
    }
    this.#room = room;
    return true;
  }

  /**
   * A run of `siteKey` has ended and left so much memory: decides who may have the guest next.
   * Answers how much there is then.
   */
  settle(memoryBytes: number, siteKey: string): number {
    const grownBytes = memoryBytes - this.#firstBytes;
    if (grownBytes <= roomBytesOf(this.#room) || this.#siteKey !== undefined) return memoryBytes;
    const room = roomFor(grownBytes);
    if (room !== undefined && this.makeRoom(room)) return this.#firstBytes + roomBytesOf(room);
    this.#siteKey = siteKey;
    return memoryBytes;
  }

  /**
   * It has been idle, and is there for the run of `activation` from now on.
   *
   * @param counts Whether somebody will ask for `fuelUsed`.
   */
  serve(activation: Activation, counts = false): void {
    this.#isNew = false;
    this.charge.serve(activation.share);
    this.instance.attach(activation);
    if (this.mode === 'copy-on-write') this.instance.limitFuel();
    this.#fuelAtStart = counts ? this.instance.fuelLeft : undefined;
  }

  /** It was made in the run that it serves now, or has not served any. */
  get isNew(): boolean {
    return this.#isNew;
  }

  /** Fuel that the run of `activation` has used until now; undefined where nobody counts. */
  fuelUsed(activation: Activation): number | undefined {
    if (this.#fuelAtStart === undefined) return undefined;
    return this.#fuelAtStart + activation.refuelled - this.instance.fuelLeft;
  }

  /**
   * Puts everything but `takeRest` back to the first state. Answers how many pages were written, or
   * undefined where that is not known.
   *
   * @throws when it cannot: then the guest must be discarded
   */
  restore(): number | undefined {
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
    this.#held.discard();
  }
}
