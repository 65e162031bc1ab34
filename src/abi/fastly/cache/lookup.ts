/** The cache: objects found, and promised. */
import type { CacheAddress, CacheEntry } from '../../../capability/cache/contract.ts';
import { type Steps, wait } from '../../steps.ts';
import { answering, bytes, waiting } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import { FastlyFault, type Given, status } from '../status.ts';
import { BusyHandle, CacheHandle, cacheHandles } from './entries.ts';
import { readLookupOptions } from './options.ts';

/** As long as a key may be. */
export const keyBytesMax = 8_135;

const lookupParams = [...bytes('cache_key'), ['mask', 'flags'], ['opts', 'address']] as const;

export const cacheLookupHostcalls = [
  waiting({
    name: 'lookup',
    params: [...lookupParams, ['cache', 'out_handle']],
    spec: '#cache',
    meaning: 'what is there now; obliges to nothing',
    act: (guest, keyPtr, keyLen, mask, opts, ptr) => {
      requirePlace(guest, ptr);
      const { address, isRangeStrict } = readLookup(guest, { keyPtr, keyLen, mask, opts });
      return giveEntry(guest, guest.run.of(cacheHandles).cache.find(address), {
        ptr,
        isRangeStrict,
      });
    },
  }),

  waiting({
    name: 'transaction_lookup',
    params: [...lookupParams, ['cache', 'out_handle']],
    spec: '#cache',
    meaning: 'waits while another run is bringing it',
    act: (guest, keyPtr, keyLen, mask, opts, ptr) => {
      requirePlace(guest, ptr);
      const { address, isRangeStrict } = readLookup(guest, { keyPtr, keyLen, mask, opts });
      return giveEntry(guest, guest.run.of(cacheHandles).cache.enter(address), {
        ptr,
        isRangeStrict,
      });
    },
  }),

  answering({
    name: 'transaction_lookup_async',
    params: [...lookupParams, ['cache_busy', 'out_handle']],
    spec: '#cache',
    meaning: 'does not wait',
    act: (guest, keyPtr, keyLen, mask, opts, ptr) => {
      guest.requireRange(ptr, 4);
      const { address, isRangeStrict } = readLookup(guest, { keyPtr, keyLen, mask, opts });
      const { run } = guest;
      const { busy } = run.of(cacheHandles);
      busy.requireRoom();
      const { cache } = run.of(cacheHandles);
      const pending = run.underWay.start((signal) => cache.enter(address, signal));
      guest.writeU32(ptr, busy.add(new BusyHandle(pending, isRangeStrict)));
    },
  }),

  waiting({
    name: 'cache_busy_handle_wait',
    params: [
      ['busy_handle', 'handle'],
      ['cache', 'out_handle'],
    ],
    spec: '#cache',
    meaning: 'once',
    act: (guest, handle, ptr) => waitForBusy(guest, handle, ptr),
  }),

  answering({
    name: 'close_busy',
    params: [['handle', 'handle']],
    spec: '#cache',
    act: (guest, handle) => guest.run.of(cacheHandles).busy.take(handle).giveUp(),
  }),

  answering({
    name: 'close',
    params: [['handle', 'handle']],
    spec: '#cache',
    meaning: 'gives up what it obliges to',
    act: (guest, handle) => guest.run.of(cacheHandles).lookups.take(handle).entry?.giveUp(),
  }),

  answering({
    name: 'transaction_cancel',
    params: [['handle', 'handle']],
    spec: '#cache',
    meaning: 'the next who waits is to bring it',
    act: (guest, handle) => {
      const { entry, isObliged } = guest.run.of(cacheHandles).lookups.get(handle);
      if (!isObliged) return status.badf;
      entry?.giveUp();
      return status.ok;
    },
  }),
];

interface LookupArguments {
  readonly keyPtr: number;
  readonly keyLen: number;
  readonly mask: number;
  readonly opts: number;
}

function readLookup(
  guest: FastlyGuest,
  { keyLen, keyPtr, mask, opts }: LookupArguments,
): { readonly address: CacheAddress; readonly isRangeStrict: boolean } {
  const key = guest.readBytes(keyPtr, keyLen, keyBytesMax);
  const { headers, isRangeStrict } = readLookupOptions(guest, mask, opts);
  return { address: { space: 'core', key, headers }, isRangeStrict };
}

function requirePlace(guest: FastlyGuest, ptr: number): void {
  guest.requireRange(ptr, 4);
  guest.run.of(cacheHandles).lookups.requireRoom();
}

function giveEntry(
  guest: FastlyGuest,
  looked: Promise<CacheEntry>,
  place: { readonly ptr: number; readonly isRangeStrict: boolean },
): Steps<Given> {
  return (function* (): Steps<Given> {
    const entry = yield* wait(looked);
    addEntry(guest, entry, place);
  })();
}

function addEntry(
  guest: FastlyGuest,
  entry: CacheEntry,
  { isRangeStrict, ptr }: { readonly ptr: number; readonly isRangeStrict: boolean },
): void {
  try {
    guest.requireRange(ptr, 4);
    const handle = new CacheHandle({ found: entry.found, entry, isRangeStrict });
    guest.writeU32(ptr, guest.run.of(cacheHandles).lookups.add(handle));
  } catch (error) {
    entry.giveUp();
    throw error;
  }
}

function* waitForBusy(guest: FastlyGuest, handle: number, ptr: number): Steps<Given> {
  guest.requireRange(ptr, 4);
  const busy = guest.run.of(cacheHandles).busy.get(handle);
  if (busy.isTaken) throw new FastlyFault('badf');
  yield* wait(busy.whenReady());
  const { outcome } = busy.pending;
  if (outcome?.kind !== 'done') throw outcome?.error;
  busy.isTaken = true;
  addEntry(guest, outcome.value, { ptr, isRangeStrict: busy.isRangeStrict });
}
