/** What a guest wants of the cache for one request that it sends. */
import { surrogateKeysOf } from '../../../http/caching.ts';
import type { RequestObject } from '../../objects/messages.ts';
import { answering, text } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import type { FamilyState, FastlyRun } from '../run.ts';
import { FastlyFault } from '../status.ts';

export interface CacheOverride {
  /** Past the cache. */
  readonly isPass: boolean;
  /** Whatever the response says of it, in milliseconds. */
  readonly maxAgeMs: number | undefined;
  readonly staleWhileRevalidateMs: number | undefined;
  readonly isSensitive: boolean;
  readonly surrogateKeys: readonly string[];
}

const bits = { pass: 1, ttl: 2, staleWhileRevalidate: 4, sensitive: 8 };
const allBits = Object.values(bits).reduce((mask, bit) => mask | bit);
/** Of the newest form alone: how long to wait for what others fetch. */
const lookupTimeoutBit = 16;
/** Offsets in the structure of the newest form: u32 each. */
const fields = { ttl: 0, swr: 4, keys: 8, keysLength: 12, lookupTimeout: 16, end: 20 } as const;
const surrogateBytesMax = 16 * 1024;

export const cacheOverrideHostcalls = [
  answering({
    name: 'cache_override_set',
    params: [
      ['h', 'handle'],
      ['tag', 'flags'],
      ['ttl', 'number'],
      ['swr', 'number'],
    ],
    spec: '#reading-through',
    meaning: 'bits of `tag`: 1 past the cache, 2 `ttl`, 4 `swr` (in seconds), 8 sensitive',
    act: (guest, handle, tag, ttl, swr) => setOverride(guest, handle, { tag, ttl, swr, keys: '' }),
  }),

  answering({
    name: 'cache_override_v2_set',
    params: [
      ['h', 'handle'],
      ['tag', 'flags'],
      ['ttl', 'number'],
      ['swr', 'number'],
      ...text('sk'),
    ],
    spec: '#reading-through',
    meaning: 'surrogate keys too, with spaces between',
    act: (guest, handle, tag, ttl, swr, ptr, len) => {
      const keys = guest.readLatin1(ptr, len, surrogateBytesMax);
      setOverride(guest, handle, { tag, ttl, swr, keys });
    },
  }),

  answering({
    name: 'cache_override_v3_set',
    params: [
      ['h', 'handle'],
      ['tag', 'flags'],
      ['cache_override', 'address'],
    ],
    spec: '#reading-through',
    meaning: 'the same in a structure; bit 16, how long to wait for others, changes nothing',
    act: (guest, handle, tag, ptr) => {
      guest.requireRange(ptr, (tag & lookupTimeoutBit) === 0 ? fields.lookupTimeout : fields.end);
      const ttl = guest.readU32(ptr + fields.ttl);
      const swr = guest.readU32(ptr + fields.swr);
      const keysPtr = guest.readU32(ptr + fields.keys);
      const keysLength = guest.readU32(ptr + fields.keysLength);
      const keys = guest.readLatin1(keysPtr, keysLength, surrogateBytesMax);
      setOverride(guest, handle, { tag: tag & ~lookupTimeoutBit, ttl, swr, keys });
    },
  }),
];

class Overrides implements FamilyState {
  readonly #ofRequests = new WeakMap<RequestObject, CacheOverride>();

  set(request: RequestObject, override: CacheOverride): void {
    this.#ofRequests.set(request, override);
  }

  /** Undefined where the guest wants nothing special. */
  of(request: RequestObject): CacheOverride | undefined {
    return this.#ofRequests.get(request);
  }
}

/** Those of a run; a family state. */
export function cacheOverrides(_run: FastlyRun): Overrides {
  return new Overrides();
}

function setOverride(
  guest: FastlyGuest,
  handle: number,
  told: {
    readonly tag: number;
    readonly ttl: number;
    readonly swr: number;
    readonly keys: string;
  },
): void {
  const { run } = guest;
  const request = run.requests.get(handle);
  const { keys, swr, tag, ttl } = told;
  if ((tag & ~allBits) !== 0) throw new FastlyFault('inval');
  const seconds = (bit: number, value: number): number | undefined =>
    (tag & bit) === 0 ? undefined : (value >>> 0) * 1_000;
  run.of(cacheOverrides).set(request, {
    isPass: (tag & bits.pass) !== 0,
    maxAgeMs: seconds(bits.ttl, ttl),
    staleWhileRevalidateMs: seconds(bits.staleWhileRevalidate, swr),
    isSensitive: (tag & bits.sensitive) !== 0,
    surrogateKeys: surrogateKeysOf(keys),
  });
}
