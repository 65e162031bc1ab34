/** The cache: objects found, and promised. */
import { answering, bytes, waiting } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import { status } from '../status.ts';
import { CacheHandle, cacheHandles, onceReady, requireObliged, startLookup } from './entries.ts';
import { readLookupOptions } from './options.ts';

/** As long as a key may be. */
export const keyBytesMax = 8_135;

const lookupParams = [...bytes('cache_key'), ['mask', 'flags'], ['opts', 'address']] as const;

export const cacheLookupHostcalls = [
  answering({
    name: 'lookup',
    params: [...lookupParams, ['cache', 'out_handle']],
    spec: '#cache',
    meaning: 'what is there now; obliges to nothing',
    act: (guest, keyPtr, keyLen, mask, opts, ptr) =>
      look(guest, 'find', { keyPtr, keyLen, mask, opts, ptr, table: 'lookups' }),
  }),

  answering({
    name: 'transaction_lookup',
    params: [...lookupParams, ['cache', 'out_handle']],
    spec: '#cache',
    meaning: 'who asks for its state waits while another run is bringing it',
    act: (guest, keyPtr, keyLen, mask, opts, ptr) =>
      look(guest, 'enter', { keyPtr, keyLen, mask, opts, ptr, table: 'lookups' }),
  }),

  answering({
    name: 'transaction_lookup_async',
    params: [...lookupParams, ['cache_busy', 'out_handle']],
    spec: '#cache',
    meaning: 'the same, for `cache_busy_handle_wait`',
    act: (guest, keyPtr, keyLen, mask, opts, ptr) =>
      look(guest, 'enter', { keyPtr, keyLen, mask, opts, ptr, table: 'busy' }),
  }),

  waiting({
    name: 'cache_busy_handle_wait',
    params: [
      ['busy_handle', 'handle'],
      ['cache', 'out_handle'],
    ],
    spec: '#cache',
    meaning: 'once',
    act: (guest, handle, ptr) => {
      guest.requireRange(ptr, 4);
      const { busy, lookups, taken } = guest.run.of(cacheHandles);
      const lookup = busy.get(handle);
      if (taken.has(lookup)) return status.badf;
      return onceReady(lookup, () => {
        guest.writeU32(ptr, lookups.add(lookup.again()));
        taken.add(lookup);
      });
    },
  }),

  answering({
    name: 'close_busy',
    params: [['handle', 'handle']],
    spec: '#cache',
    act: (guest, handle) => {
      const { busy, taken } = guest.run.of(cacheHandles);
      const lookup = busy.take(handle);
      if (!taken.has(lookup)) lookup.giveUp();
    },
  }),

  answering({
    name: 'close',
    params: [['handle', 'handle']],
    spec: '#cache',
    meaning: 'gives up what it obliges to',
    act: (guest, handle) => guest.run.of(cacheHandles).lookups.take(handle).giveUp(),
  }),

  waiting({
    name: 'transaction_cancel',
    params: [['handle', 'handle']],
    spec: '#cache',
    meaning: 'the next who waits is to bring it',
    act: (guest, handle) =>
      onceReady(guest.run.of(cacheHandles).lookups.get(handle), (lookup) =>
        requireObliged(lookup).giveUp(),
      ),
  }),
];

interface LookupArguments {
  readonly keyPtr: number;
  readonly keyLen: number;
  readonly mask: number;
  readonly opts: number;
  readonly ptr: number;
  readonly table: 'busy' | 'lookups';
}

function look(
  guest: FastlyGuest,
  how: 'enter' | 'find',
  { keyLen, keyPtr, mask, opts, ptr, table }: LookupArguments,
): void {
  guest.requireRange(ptr, 4);
  const key = guest.readBytes(keyPtr, keyLen, keyBytesMax);
  const { headers, isRangeStrict } = readLookupOptions(guest, mask, opts);
  const { run } = guest;
  const handles = run.of(cacheHandles);
  handles[table].requireRoom();
  const address = { space: 'core', key, headers } as const;
  const lookup = startLookup(run, (wait) => handles.cache[how](address, wait));
  guest.writeU32(ptr, handles[table].add(new CacheHandle({ lookup, isRangeStrict })));
}
