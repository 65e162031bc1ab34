/** The cache: objects put in. */
import type { FoundObject, ObjectOptions } from '../../../capability/cache/contract.ts';
import type { ReadBody } from '../../../http/body.ts';
import { type Steps, wait } from '../../steps.ts';
import { bytes, waiting } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import { FastlyFault, type Given } from '../status.ts';
import {
  CacheHandle,
  cacheHandles,
  onceReady,
  requireHandleRoom,
  requireObliged,
} from './entries.ts';
import { keyBytesMax } from './lookup.ts';
import { readWriteOptions } from './options.ts';

const writeParams = [
  ['handle', 'handle'],
  ['mask', 'flags'],
  ['opts', 'address'],
] as const;

export const cacheInsertHostcalls = [
  waiting({
    name: 'insert',
    params: [...bytes('cache_key'), ['mask', 'flags'], ['opts', 'address'], ['body', 'out_handle']],
    spec: '#cache',
    meaning: 'whoever else does so; `body` is the write end',
    act: (guest, keyPtr, keyLen, mask, opts, bodyPtr) => {
      requireHandleRoom(guest, bodyPtr);
      const key = guest.readBytes(keyPtr, keyLen, keyBytesMax);
      const { headers, options } = readWriteOptions(guest, mask, opts, false);
      const { cache } = guest.run.of(cacheHandles);
      const store: Store = (body) => cache.insert({ space: 'core', key, headers }, options, body);
      return insert(guest, store, { bodyPtr });
    },
  }),

  waiting({
    name: 'transaction_insert',
    params: [...writeParams, ['body', 'out_handle']],
    spec: '#cache',
    meaning: '`badf` where another is to bring it',
    act: (guest, handle, mask, opts, bodyPtr) => {
      requireHandleRoom(guest, bodyPtr);
      return onceReady(guest.run.of(cacheHandles).lookups.get(handle), (lookup) =>
        insert(guest, storeOf(guest, { lookup, mask, opts }), { bodyPtr }),
      );
    },
  }),

  waiting({
    name: 'transaction_insert_and_stream_back',
    params: [...writeParams, ['body', 'out_handle'], ['cache', 'out_handle']],
    spec: '#cache',
    meaning: '`cache` reads what is written',
    act: (guest, handle, mask, opts, bodyPtr, cachePtr) => {
      requireHandleRoom(guest, bodyPtr, cachePtr);
      return onceReady(guest.run.of(cacheHandles).lookups.get(handle), (lookup) =>
        insert(guest, storeOf(guest, { lookup, mask, opts }), {
          bodyPtr,
          back: { ptr: cachePtr, isRangeStrict: lookup.isRangeStrict },
        }),
      );
    },
  }),

  waiting({
    name: 'transaction_update',
    params: writeParams,
    spec: '#cache',
    meaning: 'other options, the same body',
    act: (guest, handle, mask, opts) =>
      onceReady(guest.run.of(cacheHandles).lookups.get(handle), (lookup) =>
        update(guest, { lookup, mask, opts }),
      ),
  }),
];

/** Stores what is read from a body. */
export type Store = (body: ReadBody) => Promise<FoundObject>;

interface WriteArguments {
  readonly lookup: CacheHandle;
  readonly mask: number;
  readonly opts: number;
}

function storeOf(guest: FastlyGuest, { lookup, mask, opts }: WriteArguments): Store {
  const entry = requireObliged(lookup);
  const { options } = readWriteOptions(guest, mask, opts, true);
  return (body) => entry.insert(options, body);
}

interface BackPlace {
  readonly ptr: number;
  readonly isRangeStrict: boolean;
}

/** Gives the write end, and where it is wanted a lookup that reads what is written. */
export function insert(
  guest: FastlyGuest,
  store: Store,
  { bodyPtr, back }: { readonly bodyPtr: number; readonly back?: BackPlace },
): Steps<Given> {
  return openWriteEnd(guest, store, { bodyPtr }, (found) => {
    if (back === undefined) return;
    const { isRangeStrict, ptr } = back;
    const { lookups } = guest.run.of(cacheHandles);
    guest.writeU32(ptr, lookups.add(new CacheHandle({ found, isRangeStrict })));
  });
}

/** `give` hands out what there is beside the write end; where it cannot, nothing is stored. */
export function* openWriteEnd(
  guest: FastlyGuest,
  store: Store,
  { bodyPtr }: { readonly bodyPtr: number },
  give: (found: FoundObject) => void,
): Steps<Given> {
  const { bodies } = guest.run;
  const body = guest.run.newBody();
  // From here on the end of the run abandons it.
  const handle = bodies.add(body);
  try {
    const found = yield* wait(store(body.startStreaming()));
    guest.writeU32(bodyPtr, handle);
    give(found);
  } catch (error) {
    if (bodies.find(handle) !== undefined) bodies.drop(handle);
    body.abandon();
    throw error;
  }
}

function* update(guest: FastlyGuest, { lookup, mask, opts }: WriteArguments): Steps<Given> {
  const entry = requireObliged(lookup);
  if (lookup.found?.isUsable !== true) throw new FastlyFault('badf');
  const { options } = readWriteOptions(guest, mask, opts, true);
  yield* wait(entry.update(options satisfies ObjectOptions));
}
