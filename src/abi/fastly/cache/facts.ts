/** What is known of an object that the cache has: of a lookup, and of one that is replaced. */
import type { FoundObject } from '../../../capability/cache/contract.ts';
import type { HandleTable } from '../../handles.ts';
import type { DeclaredHostcall } from '../../hostcall.ts';
import { type Steps, wait } from '../../steps.ts';
import { bytesRoom, waiting } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import type { FastlyRun } from '../run.ts';
import { type Given, status } from '../status.ts';
import { type CacheHandle, cacheHandles, onceReady, requireUsable } from './entries.ts';
import { nsOf, readRange } from './options.ts';

/** Bits of a lookup's state. */
export const stateBits = { found: 1, usable: 2, stale: 4, mustInsert: 8, usableIfError: 16 };

type TableOf = (run: FastlyRun) => HandleTable<CacheHandle>;

export const cacheFactsHostcalls = factsHostcalls('', (run) => run.of(cacheHandles).lookups);

/** The eight functions, with a prefix of their names. */
export function factsHostcalls(
  prefix: string,
  tableOf: TableOf,
): readonly DeclaredHostcall<FastlyGuest>[] {
  const find: Find = (guest, handle) => tableOf(guest.run).get(handle);
  return [
    waiting({
      name: `${prefix}get_state`,
      params: [
        ['handle', 'handle'],
        ['cache_lookup_state', 'out_number'],
      ],
      spec: '#cache',
      meaning: 'bits: 1 found and usable (2), 4 stale, 8 to be brought by this run',
      act: (guest, handle, ptr) =>
        onceReady(find(guest, handle), (lookup) => guest.writeU32(ptr, coreStateOf(lookup))),
    }),

    waiting({
      name: `${prefix}get_user_metadata`,
      params: [['handle', 'handle'], ...bytesRoom('user_metadata_out')],
      spec: '#cache',
      act: (guest, handle, ptr, len, written) =>
        onceReady(find(guest, handle), (lookup) =>
          guest.give({ ptr, len, written }, requireUsable(lookup).options.metadata),
        ),
    }),

    ...bodyHostcalls(prefix, find),
    ...timesHostcalls(prefix, find),
  ];
}

type Find = (guest: FastlyGuest, handle: number) => CacheHandle;

function bodyHostcalls(prefix: string, find: Find): readonly DeclaredHostcall<FastlyGuest>[] {
  return [
    waiting({
      name: `${prefix}get_body`,
      params: [
        ['handle', 'handle'],
        ['mask', 'flags'],
        ['opts', 'address'],
        ['body', 'out_handle'],
      ],
      spec: '#cache',
      meaning: 'one at a time; bytes `from` to `to`, or the last `to`',
      act: (guest, handle, mask, opts, ptr) => {
        const range = readRange(guest, mask, opts);
        guest.requireRange(ptr, 4);
        return onceReady(find(guest, handle), (lookup) => {
          lookup.requireNoBody(guest.run);
          const { isRangeStrict: isStrict } = lookup;
          const opened = requireUsable(lookup).open({ ...range, isStrict });
          return giveBody(guest, lookup, { ptr, opened });
        });
      },
    }),

    waiting({
      name: `${prefix}get_length`,
      params: [
        ['handle', 'handle'],
        ['cache_object_length', 'out_number64'],
      ],
      spec: '#cache',
      meaning: '`none` while nobody knows it',
      act: (guest, handle, ptr) =>
        onceReady(find(guest, handle), (lookup) => {
          const { knownBytes } = requireUsable(lookup);
          if (knownBytes === undefined) return status.none;
          return guest.writeU64(ptr, BigInt(knownBytes));
        }),
    }),
  ];
}

function timesHostcalls(prefix: string, find: Find) {
  const time = (name: string, msOf: (found: FoundObject) => number) =>
    waiting({
      name: `${prefix}${name}`,
      params: [
        ['handle', 'handle'],
        ['cache_duration_ns', 'out_number64'],
      ],
      spec: '#cache',
      act: (guest, handle, ptr) =>
        onceReady(find(guest, handle), (lookup) =>
          guest.writeU64(ptr, nsOf(msOf(requireUsable(lookup)))),
        ),
    });
  return [
    time('get_max_age_ns', ({ options }) => options.maxAgeMs),
    time('get_stale_while_revalidate_ns', ({ options }) => options.staleWhileRevalidateMs),
    time('get_age_ns', ({ ageMs }) => ageMs),

    waiting({
      name: `${prefix}get_hits`,
      params: [
        ['handle', 'handle'],
        ['cache_hit_count', 'out_number64'],
      ],
      spec: '#cache',
      meaning: 'how often it was found on this node',
      act: (guest, handle, ptr) =>
        onceReady(find(guest, handle), (lookup) =>
          guest.writeU64(ptr, BigInt(requireUsable(lookup).hits)),
        ),
    }),
  ];
}

/** Kits take `found` alone for an object that may be used. */
function coreStateOf({ isObliged, usable }: CacheHandle): number {
  let state = isObliged ? stateBits.mustInsert : 0;
  if (usable === undefined) return state;
  state |= stateBits.found | stateBits.usable;
  if (!usable.isFresh) state |= stateBits.stale;
  return state;
}

function* giveBody(
  guest: FastlyGuest,
  handle: CacheHandle,
  { opened, ptr }: { readonly ptr: number; readonly opened: ReturnType<FoundObject['open']> },
): Steps<Given> {
  const reading = yield* wait(opened);
  try {
    const body = guest.run.newBody(reading);
    guest.writeU32(ptr, guest.run.bodies.add(body));
    handle.give(body);
  } catch (error) {
    reading.cancel();
    throw error;
  }
}
