/**
 * Where everything is that the caches of all sites hold, and who is to bring what: on the control
 * plane, one a daemon. Bytes never pass through it, because bodies lie in memory that all threads
 * see. Pure but for the clock.
 */
import type { Account } from '../../account/account.ts';
import type { Limits } from '../../config/config.ts';
import { type FolderKey, ownerOf } from '../../names.ts';
import type { ObjectOptions } from './contract.ts';
import type { WireAddress } from './messages.ts';
import { Room } from './room.ts';
import { isGood, type Place, Shelf } from './shelf.ts';
import { baseBytesOf, isUsable, newBody, type StoredBody, type StoredObject } from './stored.ts';
import { Surrogates } from './surrogates.ts';
import type { Found, LiveShelf, Obligation, Waiter } from './waiting.ts';

export type CacheLimits = Pick<
  Limits,
  | 'cacheBytesMax'
  | 'cacheSiteBytesMax'
  | 'cacheEntryBytesMax'
  | 'cacheMetadataBytesMax'
  | 'cacheWaitersPerKeyMax'
>;

export interface CacheShelvesOptions {
  readonly limits: CacheLimits;
  readonly account: Account;
  readonly nowMs: () => number;
}

/** What was done since the daemon began; for the operator. */
export interface CacheCounts {
  hits: number;
  misses: number;
  /** Lookups that waited for another's object. */
  collapsed: number;
  stored: number;
  /** Given up for want of room. */
  evicted: number;
  purged: number;
}

/** Of a purge, between two looks at the clock. */
const objectsPerStep = 32;
/** So long after an object was too large nobody waits for it. */
const tooLargeMs = 120_000;

export class CacheShelves {
  readonly limits: CacheLimits;
  readonly counts: CacheCounts = newCounts();
  readonly room: Room;
  readonly #options: CacheShelvesOptions;
  readonly #shelves = new Map<string, LiveShelf>();
  readonly #surrogates = new Surrogates();
  readonly #places = new Map<StoredObject, { live: LiveShelf; place: Place }>();
  #lastId = 0;

  constructor(options: CacheShelvesOptions) {
    const { account, limits } = options;
    this.limits = limits;
    this.#options = options;
    this.room = new Room({
      bytesMax: limits.cacheBytesMax,
      siteBytesMax: limits.cacheSiteBytesMax,
      account,
      onGone: (object) => {
        this.counts.evicted += 1;
        this.drop(object);
      },
    });
  }

  get nowMs(): number {
    return this.#options.nowMs();
  }

  /** Answers the waiter now, or when it can. */
  look(waiter: Waiter): void {
    const live = this.#shelfOf(waiter.address);
    if (!this.#tryAnswer(waiter, live)) this.#letWait(waiter, live);
    this.#tidy(live);
  }

  /** What it waits for it may be obliged to bring itself. */
  retry(waiter: Waiter): void {
    const live = this.#shelves.get(nameOf(waiter.address));
    if (live?.waiting.has(waiter) !== true) return;
    if (this.#tryAnswer(waiter, live)) live.waiting.delete(waiter);
    this.#tidy(live);
  }

  /** Takes a waiter off again. */
  forget(waiter: Waiter): void {
    const live = this.#shelves.get(nameOf(waiter.address));
    live?.waiting.delete(waiter);
    if (live !== undefined) this.#tidy(live);
  }

  /**
   * Stores an object of which the body is still to come, or is that of the one before. Whoever does
   * so tells its thread, and then wakes those who wait (`wakeFor`, or `release` with it): a thread
   * must know what it writes before others of its runs are told of it.
   */
  store(address: WireAddress, options: ObjectOptions, body = this.newBody()): StoredObject {
    this.counts.stored += 1;
    return this.#put({ address, options, body, isMarker: false });
  }

  /** Those who wait and may have what is stored get it. */
  wakeFor(stored: StoredObject): void {
    const at = this.#places.get(stored);
    if (at !== undefined) this.#wake(at.live, { place: at.place });
  }

  /** For so long nobody is obliged to bring what is there. */
  mark({ address }: Obligation, { maxAgeMs, varyBy }: MarkerOptions): StoredObject {
    const options = { ...markerOptions, maxAgeMs, varyBy };
    return this.#put({ address, options, body: this.#wholeBody(), isMarker: true });
  }

  /**
   * The obligation is no more, fulfilled or not; those who waited are answered, or the next of them
   * is obliged. `stored`: what was brought; `chosen`: the stale object of its place is good for all
   * who wait now.
   */
  release({ live, place }: Obligation, { chosen, stored }: Brought = {}): void {
    place.holder = undefined;
    const at = stored && this.#places.get(stored);
    if (at !== undefined && at.place !== place) this.#wake(at.live, { place: at.place });
    this.#wake(live, { place, chosen });
    this.#leave(live, place);
  }

  /**
   * It is fulfilled, and there was no place for what was brought: who waited would be obliged one
   * after the other, each for nothing.
   */
  releaseInVain({ live, place }: Obligation): void {
    place.holder = undefined;
    for (const waiter of live.waiting) {
      if (waiter.mode !== 'enter' || !live.shelf.isAt(place, waiter)) continue;
      live.waiting.delete(waiter);
      waiter.answer(notCollapsed);
    }
    this.#wake(live, { place });
    this.#leave(live, place);
  }

  #leave(live: LiveShelf, place: Place): void {
    live.shelf.tidy(place);
    this.#tidy(live);
  }

  /** A body has grown; false where nobody wants it any more. */
  grow(body: StoredBody): boolean {
    const { object } = body;
    if (body.bytes > this.limits.cacheEntryBytesMax) {
      if (object !== undefined) this.#giveUpTooLarge(object);
      return false;
    }
    if (object !== undefined) this.room.put(object);
    // Who reads it gets all of it, also where it is found no more.
    return body.object !== undefined || body.readers.size > 0;
  }

  /** It is found no more. */
  drop(object: StoredObject): void {
    const place = this.#clear(object);
    if (place === undefined) return;
    place.live.shelf.tidy(place.place);
    this.#tidy(place.live);
  }

  /**
   * In steps: objects that are gone are taken out of every table, which takes some 10 µs for each.
   * Until it ends some are still found, and whoever purges waits for that. Gives how many there
   * were.
   */
  *purge(
    folderKey: FolderKey,
    surrogateKey: string,
    how: 'hard' | 'soft',
  ): Generator<undefined, number> {
    const objects = this.#surrogates.take(folderKey, surrogateKey, how);
    this.counts.purged += objects.length;
    for (const [number, object] of objects.entries()) {
      if (how === 'soft') object.isSoftPurged = true;
      else this.drop(object);
      if (number % objectsPerStep === objectsPerStep - 1) yield;
    }
    return objects.length;
  }

  newBody(): StoredBody {
    return newBody(this.#nextId());
  }

  /** The next who want it are not to wait for what will not be kept. */
  #giveUpTooLarge(object: StoredObject): void {
    const at = this.#clear(object);
    if (at === undefined) return;
    const { baseBytes, folderKey, options } = object;
    const made = { ...markerOptions, maxAgeMs: tooLargeMs, varyBy: options.varyBy };
    this.#putAt(at, {
      baseBytes,
      folderKey,
      options: made,
      body: this.#wholeBody(),
      isMarker: true,
    });
    this.#wake(at.live, { place: at.place });
  }

  #wholeBody(): StoredBody {
    const body = this.newBody();
    body.state = 'whole';
    return body;
  }

  /** Where too many wait for one key already, the rest do as if there were no cache. */
  #letWait(waiter: Waiter, live: LiveShelf): void {
    if (live.waiting.size >= this.limits.cacheWaitersPerKeyMax) {
      waiter.answer(notCollapsed);
      return;
    }
    this.counts.collapsed += 1;
    live.waiting.add(waiter);
    waiter.onWaits();
  }

  /**
   * Answers those who wait for what is at a place, in the order in which they came. Where one of
   * them is to bring it, the others wait on: nobody else is looked at, because one thread does this
   * for all sites. Those at other places wait for somebody else, unless the shelf has forgotten
   * this one.
   */
  #wake(live: LiveShelf, { chosen, place }: Wake): void {
    const isForgotten = !live.shelf.has(place);
    for (const waiter of live.waiting) {
      if (!isForgotten && !live.shelf.isAt(place, waiter)) continue;
      if (chosen !== undefined && waiter.mode === 'enter') {
        live.waiting.delete(waiter);
        const found = { object: chosen, isUncacheable: false, isChosen: true };
        waiter.answer({ ...found, obliged: undefined });
      } else if (this.#tryAnswer(waiter, live)) {
        live.waiting.delete(waiter);
        const isOwed = place.holder !== undefined && !isGood(place.object, this.nowMs);
        if (isOwed && chosen === undefined) return;
      }
    }
  }

  #tryAnswer(waiter: Waiter, live: LiveShelf): boolean {
    const { nowMs } = this;
    const { headers } = waiter.address;
    const verdict = live.shelf.look({ headers, mode: waiter.mode, nowMs });
    if (verdict.kind === 'wait') {
      const waitsForItself = waiter.isInsistent && verdict.runs.includes(waiter.run);
      if (waitsForItself) waiter.answer(notCollapsed);
      return waitsForItself;
    }
    const { isUncacheable, object, obliged: place } = verdict;
    if (object !== undefined && isUsable(object, nowMs)) {
      this.counts.hits += 1;
      object.hits += 1;
      this.room.touch(object);
    } else {
      this.counts.misses += 1;
    }
    const obliged = place && { live, place };
    waiter.answer({ object, isUncacheable, isChosen: false, obliged });
    if (waiter.mode === 'force-miss' && object !== undefined) this.drop(object);
    return true;
  }

  #put({ address, ...made }: Made): StoredObject {
    const { folderKey, headers } = address;
    const live = this.#shelfOf(address);
    const place = live.shelf.placeFor(made.options.varyBy, headers);
    if (place.object !== undefined) this.#clear(place.object);
    // The values that it varies by are as long as the visitors' headers.
    const baseBytes = baseBytesOf([live.name, place.name], made.options);
    return this.#putAt({ live, place }, { ...made, folderKey, baseBytes });
  }

  #putAt(
    at: { readonly live: LiveShelf; readonly place: Place },
    made: Pick<StoredObject, 'baseBytes' | 'body' | 'folderKey' | 'isMarker' | 'options'>,
  ): StoredObject {
    const object: StoredObject = {
      ...made,
      id: this.#nextId(),
      owner: ownerOf(made.folderKey),
      storedAtMs: this.nowMs,
      isSoftPurged: false,
      hits: 0,
    };
    at.place.object = object;
    object.body.object = object;
    this.#places.set(object, at);
    this.#surrogates.add(object);
    this.room.put(object);
    return object;
  }

  /** Out of everything; its place stays, maybe empty. */
  #clear(object: StoredObject): { live: LiveShelf; place: Place } | undefined {
    const at = this.#places.get(object);
    if (at === undefined) return undefined;
    this.#places.delete(object);
    this.#surrogates.remove(object);
    this.room.remove(object);
    at.place.object = undefined;
    if (object.body.object === object) object.body.object = undefined;
    return at;
  }

  #shelfOf(address: WireAddress): LiveShelf {
    const name = nameOf(address);
    const known = this.#shelves.get(name);
    if (known !== undefined) return known;
    const shelf = new Shelf(({ object }) => object && this.drop(object));
    const live = { name, shelf, waiting: new Set<Waiter>() };
    this.#shelves.set(name, live);
    return live;
  }

  #tidy(live: LiveShelf): void {
    const { name, shelf, waiting } = live;
    const isOver = shelf.isEmpty && waiting.size === 0;
    // One that is owed an object by a forgotten rule may have a successor.
    if (isOver && this.#shelves.get(name) === live) this.#shelves.delete(name);
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }
}

type MarkerOptions = Pick<ObjectOptions, 'maxAgeMs' | 'varyBy'>;

/** What has become of an obligation. */
interface Brought {
  readonly stored?: StoredObject | undefined;
  readonly chosen?: StoredObject | undefined;
}

interface Wake {
  readonly place: Place;
  readonly chosen?: StoredObject | undefined;
}

type Made = Pick<StoredObject, 'body' | 'isMarker' | 'options'> & {
  readonly address: WireAddress;
};

const markerOptions: ObjectOptions = {
  maxAgeMs: 0,
  initialAgeMs: 0,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  varyBy: [],
  surrogateKeys: [],
  metadata: new Uint8Array(0),
  isSensitive: false,
};

/** A run that waited for itself would never end. */
const notCollapsed: Found = {
  object: undefined,
  isUncacheable: true,
  isChosen: false,
  obliged: undefined,
};

function newCounts(): CacheCounts {
  return { hits: 0, misses: 0, collapsed: 0, stored: 0, evicted: 0, purged: 0 };
}

/** No folder has a line end in its key. */
function nameOf({ folderKey, space, key }: WireAddress): string {
  return `${folderKey}\n${space}\n${key}`;
}
