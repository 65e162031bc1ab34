/** What a run has found in the cache or is bringing to it, by its handles. */
import type {
  Cache,
  CacheEntry,
  CacheWait,
  FoundObject,
} from '../../../capability/cache/contract.ts';
import type { CacheableRequest } from '../../../http/caching.ts';
import type { HandleTable } from '../../handles.ts';
import type { Body } from '../../objects/body.ts';
import type { Pending } from '../../objects/pending.ts';
import type { ReadyItem } from '../../objects/ready.ts';
import { isSteps, type Steps, wait } from '../../steps.ts';
import type { FastlyGuest } from '../guest.ts';
import type { FamilyState, FastlyRun } from '../run.ts';
import { FastlyFault, type Given, type Later } from '../status.ts';

/** What a handle begins with: a lookup under way, or what was just stored. */
export type HandleStart =
  | {
      readonly lookup: Lookup;
      readonly isRangeStrict?: boolean;
      /** What the run holds for it. */
      readonly heldBytes?: number;
    }
  | { readonly found: FoundObject; readonly isRangeStrict?: boolean };

/** A lookup under way. */
export interface Lookup {
  readonly pending: Pending<CacheEntry>;
  /** The guest does nothing but wait for it. */
  readonly block: () => void;
  /** Resolves when it is known that it waits for another run. */
  readonly waits: Promise<void>;
}

/** Begins one. */
export function startLookup(
  { underWay }: FastlyRun,
  look: (wait: CacheWait) => Promise<CacheEntry>,
): Lookup {
  const { promise: blocked, resolve: block } = Promise.withResolvers<void>();
  const { promise: waits, resolve: onWaits } = Promise.withResolvers<void>();
  const pending = underWay.start(({ signal }) => look({ signal, blocked, onWaits }));
  return { pending, block, waits };
}

/**
 * A lookup, which may still wait for another run. It is under way beside the guest, which may wait
 * for something else meanwhile: only who wants to know what it has found waits for it.
 */
export class CacheHandle implements ReadyItem {
  readonly isRangeStrict: boolean;
  /** To be given back with it. */
  readonly heldBytes: number;
  readonly #lookup: Lookup | undefined;
  readonly #stored: FoundObject | undefined;
  /** The body that the guest has of it. */
  #body: Body | undefined;
  #isReplaced = false;

  constructor(start: HandleStart) {
    this.#lookup = 'lookup' in start ? start.lookup : undefined;
    this.#stored = 'found' in start ? start.found : undefined;
    this.isRangeStrict = start.isRangeStrict === true;
    this.heldBytes = 'lookup' in start ? (start.heldBytes ?? 0) : 0;
  }

  get isReady(): boolean {
    return this.#lookup?.pending.isReady ?? true;
  }

  async whenReady(): Promise<void> {
    await this.#lookup?.pending.whenReady();
  }

  async whenKnown(): Promise<void> {
    if (this.#lookup === undefined) return;
    await Promise.race([this.#lookup.waits, this.#lookup.pending.whenReady()]);
  }

  /** To bring an object, once ready; undefined of one that was just stored. @throws its failure */
  get entry(): CacheEntry | undefined {
    const outcome = this.#lookup?.pending.outcome;
    if (outcome?.kind === 'failed') throw outcome.error;
    return outcome?.value;
  }

  /** Once ready. @throws the failure of the lookup */
  get found(): FoundObject | undefined {
    return this.#stored ?? this.entry?.found;
  }

  /** What may be used: what was just stored may be read by who has stored it, however old it is. */
  get usable(): FoundObject | undefined {
    if (this.#stored !== undefined) return this.#stored;
    const { found } = this;
    return found?.isUsable === true ? found : undefined;
  }

  get isObliged(): boolean {
    return this.entry?.isObliged ?? false;
  }

  /** Whether the run has stored something in place of what was found. */
  get isReplaced(): boolean {
    return this.#isReplaced;
  }

  noteReplaced(): void {
    this.#isReplaced = true;
  }

  /** The same lookup by another handle. */
  again(): CacheHandle {
    const { isRangeStrict } = this;
    if (this.#lookup !== undefined) return new CacheHandle({ lookup: this.#lookup, isRangeStrict });
    throw new TypeError('Cannot hand over the lookup: there was none');
  }

  /** The guest does nothing else until it is ready. */
  block(): Promise<void> {
    this.#lookup?.block();
    return this.whenReady();
  }

  /** Nobody wants it any more; what it has brought, or obliges to, is given up. */
  giveUp(): void {
    const pending = this.#lookup?.pending;
    pending?.giveUp();
    void pending?.whenReady().then(() => {
      if (pending.outcome?.kind === 'done') pending.outcome.value.giveUp();
    });
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

/** The request that a response was looked up for, as it was then. */
export interface LookedUpRequest extends CacheableRequest {
  readonly url: string;
}

/** A lookup of a response. */
export class ResponseHandle extends CacheHandle {
  readonly request: LookedUpRequest;
  /** In hexadecimal digits. */
  readonly key: string;

  constructor(start: HandleStart, request: LookedUpRequest, key: string) {
    super(start);
    this.request = request;
    this.key = key;
  }
}

class CacheHandles implements FamilyState {
  readonly lookups: HandleTable<CacheHandle>;
  readonly busy: HandleTable<CacheHandle>;
  /** Of those that are under way, what has a handle of its own by now. */
  readonly taken = new WeakSet<CacheHandle>();
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

/** What was found by a lookup, however old. @throws FastlyFault `none` */
export function requireFound({ found }: CacheHandle): FoundObject {
  if (found === undefined) throw new FastlyFault('none');
  return found;
}

/** What was found and may be used. @throws HandleError; FastlyFault `none` */
export function requireUsable({ usable }: CacheHandle): FoundObject {
  if (usable === undefined) throw new FastlyFault('none');
  return usable;
}

/** For who has to bring an object. @throws FastlyFault `badf` where that is somebody else */
export function requireObliged(handle: CacheHandle): CacheEntry {
  if (handle.entry?.isObliged !== true) throw new FastlyFault('badf');
  return handle.entry;
}

/** Does `act` once the lookup is ready; at once where it is. */
export function onceReady<H extends CacheHandle>(handle: H, act: (handle: H) => Later): Later {
  if (handle.isReady) return act(handle);
  return waitAndAct(handle, act);
}

function* waitAndAct<H extends CacheHandle>(handle: H, act: (handle: H) => Later): Steps<Given> {
  yield* wait(handle.block());
  const later = act(handle);
  if (typeof later !== 'object') return later;
  return isSteps(later) ? yield* later : yield* wait(later);
}

/** Before anything is done: room for a new body. @throws FastlyFault `inval`, HandleError */
export function requireHandleRoom(guest: FastlyGuest, ...places: readonly number[]): void {
  for (const ptr of places) guest.requireRange(ptr, 4);
  guest.run.bodies.requireRoom();
}
