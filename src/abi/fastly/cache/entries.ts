/** What a run has found in the cache or is bringing to it, by its handles. */
import type { Cache, CacheEntry, FoundObject } from '../../../capability/cache/contract.ts';
import type { CacheableRequest } from '../../../http/caching.ts';
import type { HandleTable } from '../../handles.ts';
import type { Body } from '../../objects/body.ts';
import type { Pending } from '../../objects/pending.ts';
import type { ReadyItem } from '../../objects/ready.ts';
import type { FastlyGuest } from '../guest.ts';
import type { FamilyState, FastlyRun } from '../run.ts';
import { FastlyFault } from '../status.ts';

/** A lookup that has its answer. */
export class CacheHandle implements ReadyItem {
  readonly found: FoundObject | undefined;
  /** To bring an object; left out of one that was just stored. */
  readonly entry: CacheEntry | undefined;
  readonly isRangeStrict: boolean;
  readonly isReady = true;
  /** The body that the guest has of it. */
  #body: Body | undefined;

  constructor(start: {
    readonly found: FoundObject | undefined;
    readonly entry?: CacheEntry;
    readonly isRangeStrict?: boolean;
  }) {
    this.found = start.found;
    this.entry = start.entry;
    this.isRangeStrict = start.isRangeStrict ?? false;
  }

  whenReady(): Promise<void> {
    return Promise.resolve();
  }

  get isObliged(): boolean {
    return this.entry?.isObliged ?? false;
  }

  /** @throws FastlyFault `badf` where the guest still has a body of it */
  requireNoBody({ bodies }: FastlyRun): void {
    for (const body of this.#body === undefined ? [] : bodies.values()) {
      if (body === this.#body) throw new FastlyFault('badf');
    }
  }

  give(body: Body): void {
    this.#body = body;
  }
}

/** A lookup that may still wait for another run. */
export class BusyHandle implements ReadyItem {
  readonly pending: Pending<CacheEntry>;
  readonly isRangeStrict: boolean;
  /** Its answer has a handle of its own by now. */
  isTaken = false;

  constructor(pending: Pending<CacheEntry>, isRangeStrict: boolean) {
    this.pending = pending;
    this.isRangeStrict = isRangeStrict;
  }

  get isReady(): boolean {
    return this.pending.isReady;
  }

  whenReady(): Promise<void> {
    return this.pending.whenReady();
  }

  /** Nobody wants it any more; what it brings, or obliges to, is given up. */
  giveUp(): void {
    if (this.isTaken) return;
    this.pending.giveUp();
    void this.pending.whenReady().then(() => {
      const { outcome } = this.pending;
      if (outcome?.kind === 'done') outcome.value.giveUp();
    });
  }
}

/** The request that a response was looked up for, as it was then. */
export interface LookedUpRequest extends CacheableRequest {
  readonly url: string;
}

/** A lookup of a response. */
export class ResponseHandle extends CacheHandle {
  readonly request: LookedUpRequest;

  constructor(
    start: { readonly found: FoundObject | undefined; readonly entry?: CacheEntry },
    request: LookedUpRequest,
  ) {
    super(start);
    this.request = request;
  }
}

class CacheHandles implements FamilyState {
  readonly lookups: HandleTable<CacheHandle>;
  readonly busy: HandleTable<BusyHandle>;
  readonly replacements: HandleTable<CacheHandle>;
  readonly responses: HandleTable<ResponseHandle>;
  readonly #run: FastlyRun;

  constructor(run: FastlyRun) {
    this.#run = run;
    this.lookups = run.items.open('cache lookup');
    this.busy = run.items.open('cache lookup under way');
    this.replacements = run.items.open('replacement in the cache');
    this.responses = run.items.open('lookup of a response');
  }

  /** Its end is the end of this. */
  get cache(): Cache {
    return this.#run.capabilities.cache;
  }

  release(): void {
    this.cache.close();
  }
}

/** Those of a run; a family state. */
export function cacheHandles(run: FastlyRun): CacheHandles {
  return new CacheHandles(run);
}

/** What was found by a lookup. @throws HandleError; FastlyFault `none` */
export function requireFound(handle: CacheHandle): FoundObject {
  if (handle.found === undefined) throw new FastlyFault('none');
  return handle.found;
}

/** For who has to bring an object. @throws FastlyFault `badf` where that is somebody else */
export function requireObliged(handle: CacheHandle): CacheEntry {
  if (handle.entry?.isObliged !== true) throw new FastlyFault('badf');
  return handle.entry;
}

/** Before anything is done: room for a new body. @throws FastlyFault `inval`, HandleError */
export function requireHandleRoom(guest: FastlyGuest, ...places: readonly number[]): void {
  for (const ptr of places) guest.requireRange(ptr, 4);
  guest.run.bodies.requireRoom();
}
