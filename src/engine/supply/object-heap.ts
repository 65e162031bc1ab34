/**
 * V8's heap of a thread, as its guests take it: objects, exceptions, entries of tables that grew,
 * and what the host makes for them, such as what their handles name.
 * All guests of a thread share that heap, and its collector stops them all, so what unfinished runs
 * have taken is bounded for each run, for each owner, and for the thread. What a run let go of
 * counts until the run ends: V8 does not say what it still holds.
 *
 * An owner may take as much as is left for everybody, like any share of the process's account.
 */
import { Counts } from '../../account/counts.ts';
import type { Share } from '../../account/share.ts';
import { inBytes } from '../../amounts.ts';
import type { ErrorRecord } from '../../errors.ts';
import type { OwnerKey } from '../../names.ts';
import { heldRule } from './admission.ts';

export interface ObjectHeapOptions {
  readonly bytesPerRunMax: number;
  readonly bytesPerThreadMax: number;
}

/** Whose run takes, and on whose account. */
export interface HeapOwner {
  readonly owner: OwnerKey;
  readonly share: Share;
}

/** A run is given so much at first, and then as much as it has, up to the last: few ask often. */
const firstGrantBytes = 16 * 1024;
const grantBytesMax = 256 * 1024;

export class ObjectHeap {
  readonly #options: ObjectHeapOptions;
  readonly #bytes = new Counts<OwnerKey>();

  constructor(options: ObjectHeapOptions) {
    this.#options = options;
  }

  /** What unfinished runs have taken together. */
  get bytes(): number {
    return this.#bytes.total;
  }

  get bytesPerRunMax(): number {
    return this.#options.bytesPerRunMax;
  }

  /** The part of a run that begins to take. */
  open(owner: HeapOwner): RunObjects {
    return new RunObjects(this, owner);
  }

  /** Whether the owner may have so much more on this thread and in the process. */
  allows({ owner, share }: HeapOwner, bytes: number): boolean {
    const left = this.#options.bytesPerThreadMax - this.#bytes.total - bytes;
    return this.#bytes.of(owner) + bytes <= left && share.allows('bytes', bytes);
  }

  /** Adds what a run takes or, with a negative number, gives back. */
  add({ owner, share }: HeapOwner, bytes: number): void {
    this.#bytes.add(owner, bytes);
    share.charge('heap', bytes);
  }
}

/** What one run has taken. */
export class RunObjects {
  readonly #heap: ObjectHeap;
  readonly #owner: HeapOwner;
  #bytes = 0;

  constructor(heap: ObjectHeap, owner: HeapOwner) {
    this.#heap = heap;
    this.#owner = owner;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes at least `wanted` bytes; answers how many, or why not. */
  take(wanted: number): number | ErrorRecord {
    const left = this.#heap.bytesPerRunMax - this.#bytes;
    const grant = Math.min(Math.max(this.#bytes, firstGrantBytes), grantBytesMax);
    const most = Math.min(Math.max(wanted, grant), left);
    if (most > wanted && this.tryTake(most) === undefined) return most;
    return this.tryTake(wanted) ?? wanted;
  }

  /** Takes just so many; answers why not. */
  tryTake(bytes: number): ErrorRecord | undefined {
    const { bytesPerRunMax } = this.#heap;
    if (this.#bytes + bytes > bytesPerRunMax) {
      const rule = `the objects of one run may have ${inBytes(bytesPerRunMax)} together`;
      return { code: 'guest-out-of-memory', detail: `Cannot answer: ${rule}` };
    }
    if (this.#owner.share.isStalling) {
      return { code: 'overloaded', detail: `Cannot answer now: ${heldRule}` };
    }
    if (!this.#heap.allows(this.#owner, bytes)) {
      const rule = 'the objects of all functions that run together leave no room';
      return { code: 'overloaded', detail: `Cannot answer now: ${rule}: received ${bytes} bytes` };
    }
    this.#heap.add(this.#owner, bytes);
    this.#bytes += bytes;
    return undefined;
  }

  /** The run is over: its objects are garbage. */
  close(): void {
    this.#heap.add(this.#owner, -this.#bytes);
    this.#bytes = 0;
  }
}
