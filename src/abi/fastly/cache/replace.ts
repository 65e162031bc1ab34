/** The cache: objects put in place of others. */
import type { ReplaceStrategy } from '../../../capability/cache/contract.ts';
import { answering, bytes, waiting } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import { FastlyFault, status } from '../status.ts';
import { CacheHandle, cacheHandles, onceReady, requireHandleRoom, startLookup } from './entries.ts';
import { factsHostcalls } from './facts.ts';
import { insert } from './insert.ts';
import { keyBytesMax } from './lookup.ts';
import { readHeaders, readWriteOptions, requireBits } from './options.ts';

const bits = { headers: 2, strategy: 4, service: 8, isRangeStrict: 16 };
const strategies: ReadonlyMap<number, ReplaceStrategy> = new Map([
  [1, 'immediate'],
  [2, 'force-miss'],
  [3, 'wait'],
]);

export const cacheReplaceHostcalls = [
  answering({
    name: 'replace',
    params: [
      ...bytes('cache_key'),
      ['mask', 'flags'],
      ['opts', 'address'],
      ['cache_replace', 'out_handle'],
    ],
    spec: '#cache',
    meaning: 'strategies: 1 at once, 2 at once and gone for others, 3 in turn',
    act: (guest, keyPtr, keyLen, mask, opts, ptr) => {
      guest.requireRange(ptr, 4);
      const key = guest.readBytes(keyPtr, keyLen, keyBytesMax);
      return replace(guest, key, { mask, opts, ptr });
    },
  }),

  waiting({
    name: 'replace_insert',
    params: [
      ['handle', 'handle'],
      ['mask', 'flags'],
      ['opts', 'address'],
      ['body', 'out_handle'],
    ],
    spec: '#cache',
    meaning: 'consumes `handle`',
    act: (guest, handle, mask, opts, bodyPtr) => {
      requireHandleRoom(guest, bodyPtr);
      const { replacements } = guest.run.of(cacheHandles);
      return onceReady(replacements.get(handle), ({ entry }) => {
        const { options } = readWriteOptions(guest, mask, opts, true);
        if (entry === undefined) return status.badf;
        replacements.drop(handle);
        return insert(guest, (body) => entry.insert(options, body), { bodyPtr });
      });
    },
  }),

  ...factsHostcalls('replace_', (run) => run.of(cacheHandles).replacements),
];

/** cache_replace_options: request_headers@0, replace_strategy@4, service_id@8. */
function replace(
  guest: FastlyGuest,
  key: Uint8Array,
  { mask, opts, ptr }: { readonly mask: number; readonly opts: number; readonly ptr: number },
): void {
  requireBits(mask, bits.headers | bits.strategy | bits.service | bits.isRangeStrict);
  if ((mask & bits.service) !== 0) throw new FastlyFault('unsupported');
  const headers = (mask & bits.headers) === 0 ? [] : readHeaders(guest, guest.readU32(opts));
  const number = (mask & bits.strategy) === 0 ? 1 : guest.readU32((opts >>> 0) + 4);
  const strategy = strategies.get(number);
  if (strategy === undefined) throw new FastlyFault('inval');
  const { cache, replacements } = guest.run.of(cacheHandles);
  replacements.requireRoom();
  const address = { space: 'core', key, headers } as const;
  const lookup = startLookup(guest.run, (wait) => cache.replace(address, strategy, wait));
  const isRangeStrict = (mask & bits.isRangeStrict) !== 0;
  guest.writeU32(ptr, replacements.add(new CacheHandle({ lookup, isRangeStrict })));
}
