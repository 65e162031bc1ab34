/** What is known of an answer that the cache has. */
import type { FoundObject } from '../../../capability/cache/contract.ts';
import { type Steps, wait } from '../../steps.ts';
import {
  cacheHandles,
  onceReady,
  type ResponseHandle,
  requireFound,
  requireUsable,
} from '../cache/entries.ts';
import { stateBits } from '../cache/facts.ts';
import { headOf, openPart, replyFor } from '../cache/kept-response.ts';
import { nsOf } from '../cache/options.ts';
import { room, waiting } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import { type Given, status } from '../status.ts';
import { addResponse, nowMs } from './insert.ts';

export const httpCacheFactsHostcalls = [
  waiting({
    name: 'get_found_response',
    params: [
      ['handle', 'handle'],
      ['transform_for_client', 'number'],
      ['response', 'out_handle'],
      ['body', 'out_handle'],
    ],
    spec: '#cache-of-answers',
    meaning:
      'as it is kept, or 1: as the request that was looked up wants it; `none` if not usable',
    act: (guest, handle, transform, responsePtr, bodyPtr) =>
      onceReady(find(guest, handle), (lookup) =>
        giveResponse(guest, lookup, { isForClient: transform !== 0, responsePtr, bodyPtr }),
      ),
  }),

  waiting({
    name: 'get_state',
    params: [
      ['handle', 'handle'],
      ['cache_lookup_state', 'out_number'],
    ],
    spec: '#cache-of-answers',
    meaning: 'bits: 1 found, 2 usable, 4 stale, 8 to be brought, 16 usable where that fails',
    act: (guest, handle, ptr) =>
      onceReady(find(guest, handle), (lookup) => guest.writeU32(ptr, stateOf(lookup))),
  }),

  waiting({
    name: 'get_length',
    params: [
      ['handle', 'handle'],
      ['cache_object_length', 'out_number64'],
    ],
    spec: '#cache-of-answers',
    meaning: '`none` while nobody knows it',
    act: (guest, handle, ptr) =>
      onceReady(find(guest, handle), (lookup) => {
        const { knownBytes } = requireFound(lookup);
        if (knownBytes === undefined) return status.none;
        return guest.writeU64(ptr, BigInt(knownBytes));
      }),
  }),

  time('get_max_age_ns', ({ options }) => options.maxAgeMs),
  time('get_stale_while_revalidate_ns', ({ options }) => options.staleWhileRevalidateMs),
  time('get_stale_if_error_ns', ({ options }) => options.staleIfErrorMs),
  time('get_age_ns', ({ ageMs }) => ageMs),

  waiting({
    name: 'get_hits',
    params: [
      ['handle', 'handle'],
      ['cache_hit_count', 'out_number64'],
    ],
    spec: '#cache-of-answers',
    meaning: 'how often it was found on this node',
    act: (guest, handle, ptr) =>
      onceReady(find(guest, handle), (lookup) =>
        guest.writeU64(ptr, BigInt(requireFound(lookup).hits)),
      ),
  }),

  waiting({
    name: 'get_sensitive_data',
    params: [
      ['handle', 'handle'],
      ['is_sensitive', 'out_number'],
    ],
    spec: '#cache-of-answers',
    act: (guest, handle, ptr) =>
      onceReady(find(guest, handle), (lookup) =>
        guest.writeU32(ptr, requireFound(lookup).options.isSensitive ? 1 : 0),
      ),
  }),

  list('get_surrogate_keys', 'surrogate_keys_out', ({ options }) => options.surrogateKeys),
  list('get_vary_rule', 'vary_rule_out', ({ options }) => options.varyBy),
];

function find(guest: FastlyGuest, handle: number): ResponseHandle {
  return guest.run.of(cacheHandles).responses.get(handle);
}

function time(name: string, msOf: (found: FoundObject) => number) {
  return waiting({
    name,
    params: [
      ['handle', 'handle'],
      ['cache_duration_ns', 'out_number64'],
    ],
    spec: '#cache-of-answers',
    act: (guest, handle, ptr) =>
      onceReady(find(guest, handle), (lookup) =>
        guest.writeU64(ptr, nsOf(msOf(requireFound(lookup)))),
      ),
  });
}

/** With spaces between. */
function list(name: string, out: string, itemsOf: (found: FoundObject) => readonly string[]) {
  return waiting({
    name,
    params: [['handle', 'handle'], ...room(out)],
    spec: '#cache-of-answers',
    act: (guest, handle, ptr, len, written) =>
      onceReady(find(guest, handle), (lookup) =>
        guest.give({ ptr, len, written }, itemsOf(requireFound(lookup)).join(' ')),
      ),
  });
}

/** What was replaced is found no more: kits ask once more to tell a hit from a miss. */
function stateOf({ found, isObliged, isReplaced, usable }: ResponseHandle): number {
  let state = isObliged ? stateBits.mustInsert : 0;
  if (found === undefined || isReplaced) return state;
  state |= stateBits.found;
  if (usable !== undefined) state |= stateBits.usable;
  if (!found.isFresh) state |= stateBits.stale;
  if (found.isUsableIfError && (isObliged || usable !== undefined))
    state |= stateBits.usableIfError;
  return state;
}

interface ResponsePlace {
  readonly isForClient: boolean;
  readonly responsePtr: number;
  readonly bodyPtr: number;
}

function* giveResponse(
  guest: FastlyGuest,
  lookup: ResponseHandle,
  { bodyPtr, isForClient, responsePtr }: ResponsePlace,
): Steps<Given> {
  guest.requireRange(responsePtr, 4);
  guest.requireRange(bodyPtr, 4);
  // Kits take what they get here for the answer: an older one must be chosen first.
  const found = requireUsable(lookup);
  const reply = isForClient
    ? replyFor(found, lookup.request, nowMs(guest))
    : { ...headOf(found), part: { kind: 'all' } as const };
  guest.run.bodies.requireRoom();
  const opened = yield* wait(openPart(found, reply.part));
  try {
    const response = addResponse(guest, reply);
    guest.writeU32(responsePtr, response);
    guest.writeU32(bodyPtr, guest.run.bodies.add(guest.run.newBody(opened)));
  } catch (error) {
    opened.cancel();
    throw error;
  }
}
