/**
 * The cache of a site as a guest's ABI sees it: objects by key, shared by all runs of the site on
 * this node. Of many who want an object that is not there, one is obliged to bring it, and the
 * others wait for it.
 */
import type { ReadBody } from '../../http/body.ts';
import type { Header } from '../../http/message.ts';

/** Keys of one space never meet those of the other: `http` holds whole responses. */
export type CacheSpace = 'core' | 'http';

/** Which object is wanted. */
export interface CacheAddress {
  readonly space: CacheSpace;
  /** 4,096 bytes at most. */
  readonly key: Uint8Array;
  /** Of the request, names in lower case: what an object varies by is looked for here. */
  readonly headers: readonly Header[];
}

/** Times in milliseconds. */
export interface ObjectOptions {
  /** So old an object is fresh. */
  readonly maxAgeMs: number;
  /** How old it was when it was stored. */
  readonly initialAgeMs: number;
  /** So long after that it may be used while somebody brings a new one. */
  readonly staleWhileRevalidateMs: number;
  /** So long after `maxAgeMs` it may be used where nobody can bring a new one. */
  readonly staleIfErrorMs: number;
  /** Names of the request's headers, in lower case: it is found by who has the same values. */
  readonly varyBy: readonly string[];
  /** By which it can be purged. */
  readonly surrogateKeys: readonly string[];
  /** How long the body will be, where that is known: a body of another length is no good. */
  readonly knownBytes?: number | undefined;
  /** Kept with the object. */
  readonly metadata: Uint8Array;
  /** For the guest's own information: nothing here is ever written to a disk. */
  readonly isSensitive: boolean;
}

/** Which part of a body: offsets from 0, the last one included. */
export interface BodyRange {
  readonly from?: number | undefined;
  /** Without `from`: so many bytes at the end. */
  readonly to?: number | undefined;
  /**
   * Holds also where the length is not known yet; otherwise all of it is given then. A body that
   * turns out to end within the range breaks off there.
   */
  readonly isStrict?: boolean;
}

export interface FoundObject {
  readonly options: ObjectOptions;
  readonly ageMs: number;
  /** How often it was found since it was stored. */
  readonly hits: number;
  readonly isFresh: boolean;
  /** Fresh, or stale and still good while somebody brings a new one. */
  readonly isUsable: boolean;
  /** Good only because nobody can bring a new one: if that is so, or because it is. */
  readonly isUsableIfError: boolean;
  /** Of its body; undefined where nobody knew it when this was first asked. */
  readonly knownBytes: number | undefined;
  /**
   * Its body, or a part, also while it is still written. A range that the body does not have gives
   * all of it. Waits where the range is to be counted from an end that is still to come.
   *
   * Rejects with CapabilityRefusal `limit` where memory is short; `input` for a strict range that
   * no body has.
   */
  open(range?: BodyRange): Promise<ReadBody>;
}

export interface CacheEntry {
  readonly found: FoundObject | undefined;
  /**
   * Whether whoever has this is to bring the object, while others wait: by `insert`, `update`,
   * `chooseStale` or `recordUncacheable`, once; or not, by `giveUp`. The end of the run gives up.
   */
  readonly isObliged: boolean;
  /** Somebody has found out that it cannot be cached: nobody waits for anybody. */
  readonly isUncacheable: boolean;
  /**
   * Stores the object from here on; resolves when it is found by others, with what is then found.
   * The body is read as fast as it comes, and cancelled where there is no room for it: then only
   * the first `open` of this very object gets all of it.
   *
   * Rejects with CapabilityRefusal `input` where not obliged, `limit`.
   */
  insert(options: ObjectOptions, body: ReadBody): Promise<FoundObject>;
  /** The object that is found has other options from here on, and the same body. */
  update(options: ObjectOptions): Promise<FoundObject>;
  /** What is found is good for all who wait now, although it is stale. */
  chooseStale(): void;
  /** For so long nobody waits for anybody. */
  recordUncacheable(options: Pick<ObjectOptions, 'maxAgeMs' | 'varyBy'>): void;
  /** The next who waits is obliged. Does nothing where not obliged. */
  giveUp(): void;
}

/**
 * `immediate`: waits for nobody; `force-miss`: neither, and the object is gone at once, so that
 * others wait for the new one; `wait`: comes after those who are bringing one.
 */
export type ReplaceStrategy = 'immediate' | 'force-miss' | 'wait';

export interface CacheWait {
  /** Gives it up. */
  readonly signal?: AbortSignal;
  /**
   * Resolves when the run does nothing but wait for this. Where it would then wait for what it is
   * itself to bring, it gets the same as where nothing can be cached.
   */
  readonly blocked?: Promise<void>;
  /** Called once it is known that the answer waits for another run. */
  readonly onWaits?: () => void;
}

/** All reject with CapabilityRefusal: `limit`, `abandoned`, `unavailable`. */
export interface Cache {
  /** What is there now; obliges nobody and waits for nobody. */
  find(address: CacheAddress, wait?: CacheWait): Promise<CacheEntry>;
  /**
   * What is there, or the obligation to bring it; waits while another has that. Where too many wait
   * for it already, the same as where nothing can be cached.
   */
  enter(address: CacheAddress, wait?: CacheWait): Promise<CacheEntry>;
  /** What is there, to be replaced by `insert`. */
  replace(address: CacheAddress, strategy: ReplaceStrategy, wait?: CacheWait): Promise<CacheEntry>;
  /** Stores it, whoever else does so. */
  insert(address: CacheAddress, options: ObjectOptions, body: ReadBody): Promise<FoundObject>;
  /** How many objects had that key and are gone or, softly, stale from here on. */
  purge(surrogateKey: string, how: 'hard' | 'soft'): Promise<number>;
  /** The same for what may outlive the run: whoever gets it closes it. */
  apart(): Cache;
  /** The end of the run: all obligations are given up, and all waiting. */
  close(): void;
}
