/** The cache of answers: put in, kept on, or not to be kept. */
import type { FoundObject } from '../../../capability/cache/contract.ts';
import { refreshed } from '../../../http/cached-reply.ts';
import { type CacheableResponse, cachePolicyOf, storabilityOf } from '../../../http/caching.ts';
import { HeaderMap } from '../../objects/headers.ts';
import { ResponseObject } from '../../objects/messages.ts';
import { type Steps, wait } from '../../steps.ts';
import {
  cacheHandles,
  onceReady,
  ResponseHandle,
  requireHandleRoom,
  requireObliged,
} from '../cache/entries.ts';
import { openWriteEnd } from '../cache/insert.ts';
import { forOneMs, headOf, retold } from '../cache/kept-response.ts';
import { waiting } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import { FastlyFault, type Given, status } from '../status.ts';
import { giveResponseOptions, readResponseOptions } from './options.ts';

const writeParams = [
  ['handle', 'handle'],
  ['resp_handle', 'handle'],
  ['mask', 'flags'],
  ['opts', 'address'],
] as const;
/** What becomes of a response. */
const actions = { insert: 0, update: 1, doNotStore: 2, recordUncacheable: 3 };
const nsPerMs = 1_000_000n;

export const httpCacheInsertHostcalls = [
  waiting({
    name: 'transaction_insert',
    params: [...writeParams, ['body', 'out_handle']],
    spec: '#cache-of-answers',
    meaning: 'empties the response; `body` is the write end',
    act: (guest, handle, response, mask, opts, bodyPtr) =>
      insert(guest, { handle, response, mask, opts }, { bodyPtr }),
  }),

  waiting({
    name: 'transaction_insert_and_stream_back',
    params: [...writeParams, ['body', 'out_handle'], ['http_cache', 'out_handle']],
    spec: '#cache-of-answers',
    meaning: '`http_cache` reads what is written',
    act: (guest, handle, response, mask, opts, bodyPtr, cachePtr) =>
      insert(guest, { handle, response, mask, opts }, { bodyPtr, cachePtr }),
  }),

  waiting({
    name: 'transaction_update',
    params: writeParams,
    spec: '#cache-of-answers',
    meaning: 'another head and other options, the same body',
    act: (guest, handle, response, mask, opts) =>
      update(guest, { handle, response, mask, opts }, undefined),
  }),

  waiting({
    name: 'transaction_update_and_return_fresh',
    params: [...writeParams, ['http_cache', 'out_handle']],
    spec: '#cache-of-answers',
    act: (guest, handle, response, mask, opts, cachePtr) =>
      update(guest, { handle, response, mask, opts }, cachePtr),
  }),

  waiting({
    name: 'transaction_choose_stale',
    params: [['handle', 'handle']],
    spec: '#cache-of-answers',
    meaning: 'what was found is good for all who wait',
    act: (guest, handle) =>
      onceReady(find(guest, handle), ({ entry, found }) => {
        if (entry?.isObliged !== true || found === undefined) return status.badf;
        if (!found.isUsable && !found.isUsableIfError) return status.badf;
        return entry.chooseStale();
      }),
  }),

  waiting({
    name: 'transaction_record_not_cacheable',
    params: [
      ['handle', 'handle'],
      ['mask', 'flags'],
      ['opts', 'address'],
    ],
    spec: '#cache-of-answers',
    meaning: 'for `max_age_ns` nobody waits for it',
    act: (guest, handle, mask, opts) =>
      onceReady(find(guest, handle), (lookup) => {
        const entry = requireObliged(lookup);
        entry.recordUncacheable(readResponseOptions(guest, mask, opts, noHead));
      }),
  }),

  waiting({
    name: 'transaction_abandon',
    params: [['handle', 'handle']],
    spec: '#cache-of-answers',
    meaning: 'the next who waits is to bring it',
    act: (guest, handle) =>
      onceReady(find(guest, handle), (lookup) => requireObliged(lookup).giveUp()),
  }),

  waiting({
    name: 'get_suggested_cache_options',
    params: [
      ['handle', 'handle'],
      ['response', 'handle'],
      ['mask', 'flags'],
      ['opts', 'address'],
      ['mask_out', 'address'],
      ['opts_out', 'address'],
    ],
    spec: '#cache-of-answers',
    meaning: 'what the response says of itself',
    act: (guest, handle, response, mask, opts, maskOut, optsOut) => {
      const { key } = find(guest, handle);
      const policy = cachePolicyOf(responseOf(guest, response), nowMs(guest));
      const keys = policy.surrogateKeys.length === 0 ? [key] : policy.surrogateKeys;
      const suggested = { ...policy, surrogateKeys: keys };
      return giveResponseOptions(guest, suggested, { mask, opts, maskOut, optsOut });
    },
  }),

  waiting({
    name: 'prepare_response_for_storage',
    params: [
      ['handle', 'handle'],
      ['response', 'handle'],
      ['http_storage_action', 'out_number'],
      ['response_out', 'out_handle'],
    ],
    spec: '#cache-of-answers',
    meaning: '0 store, 1 update, 2 neither, 3 record that it cannot be kept',
    act: (guest, handle, response, actionPtr, responsePtr) => {
      guest.requireRange(actionPtr, 4);
      guest.requireRange(responsePtr, 4);
      return onceReady(find(guest, handle), (lookup) => {
        const { action, head } = prepare(lookup, responseOf(guest, response));
        guest.writeU32(actionPtr, action);
        guest.writeU32(responsePtr, addResponse(guest, head));
      });
    },
  }),
];

const noHead: CacheableResponse = { status: 0, headers: [] };

function find(guest: FastlyGuest, handle: number): ResponseHandle {
  return guest.run.of(cacheHandles).responses.get(handle);
}

interface WriteArguments {
  readonly handle: number;
  readonly response: number;
  readonly mask: number;
  readonly opts: number;
}

function* insert(
  guest: FastlyGuest,
  wanted: WriteArguments,
  { bodyPtr, cachePtr }: { readonly bodyPtr: number; readonly cachePtr?: number },
): Steps<Given> {
  requireHandleRoom(guest, bodyPtr, ...(cachePtr === undefined ? [] : [cachePtr]));
  const lookup = find(guest, wanted.handle);
  if (!lookup.isReady) yield* wait(lookup.block());
  const entry = requireObliged(lookup);
  const options = takeResponse(guest, wanted);
  yield* openWriteEnd(
    guest,
    (body) => entry.insert(options, body),
    { bodyPtr },
    (found) => {
      lookup.noteReplaced();
      if (cachePtr !== undefined) giveHandle(guest, lookup, { found, cachePtr });
    },
  );
}

function* update(
  guest: FastlyGuest,
  wanted: WriteArguments,
  cachePtr: number | undefined,
): Steps<Given> {
  if (cachePtr !== undefined) requireHandleRoom(guest, cachePtr);
  const lookup = find(guest, wanted.handle);
  if (!lookup.isReady) yield* wait(lookup.block());
  const entry = requireObliged(lookup);
  const { found: kept } = lookup;
  if (kept === undefined) throw new FastlyFault('badf');
  const isForOne = becomesForOne(lookup, kept, responseOf(guest, wanted.response));
  const options = takeResponse(guest, wanted);
  if (isForOne) entry.recordUncacheable({ maxAgeMs: forOneMs, varyBy: [] });
  const found = isForOne ? retold(kept, options) : yield* wait(entry.update(options));
  if (cachePtr !== undefined) giveHandle(guest, lookup, { found, cachePtr });
}

/**
 * Whether what was for all is for this visitor alone from now on. Kits update whatever a 304 says,
 * and a cookie of it would go to whoever asks next.
 */
function becomesForOne(
  { request }: ResponseHandle,
  kept: FoundObject,
  head: CacheableResponse,
): boolean {
  const asked = { ...request, method: 'GET' };
  const isNever = (one: CacheableResponse): boolean => storabilityOf(asked, one) === 'never';
  return isNever(head) && !isNever(headOf(kept));
}

/**
 * Empties the response. Its handle stays: the kit for JavaScript goes on to set fields of one that
 * it has stored with a body of its own making.
 */
function takeResponse(guest: FastlyGuest, { mask, opts, response }: WriteArguments) {
  const options = readResponseOptions(guest, mask, opts, responseOf(guest, response));
  const { headers } = guest.run.responses.get(response);
  const { heldBytes } = headers;
  headers.clear();
  guest.run.held.release(heldBytes - headers.heldBytes);
  return options;
}

function giveHandle(
  guest: FastlyGuest,
  { key, request }: ResponseHandle,
  { cachePtr, found }: { readonly found: FoundObject; readonly cachePtr: number },
): void {
  const { responses } = guest.run.of(cacheHandles);
  guest.writeU32(cachePtr, responses.add(new ResponseHandle({ found }, request, key)));
}

function prepare(
  { found, isObliged, request }: ResponseHandle,
  response: CacheableResponse,
): { readonly action: number; readonly head: CacheableResponse } {
  if (response.status === 304 && found !== undefined && isObliged) {
    return { action: actions.update, head: refreshed(headOf(found), response) };
  }
  const storability = storabilityOf({ ...request, method: 'GET' }, response);
  const action = {
    store: actions.insert,
    'not-now': actions.doNotStore,
    never: actions.recordUncacheable,
  }[storability];
  return { action, head: response };
}

/** Names in lower case. @throws HandleError */
function responseOf(guest: FastlyGuest, handle: number): CacheableResponse {
  const response = guest.run.responses.get(handle);
  const headers = response.headers
    .lines()
    .map(([name, value]) => [name.toLowerCase(), value] as const);
  return { status: response.status, headers };
}

/** @throws HandleError, ObjectError where the run has too many */
export function addResponse(guest: FastlyGuest, head: CacheableResponse): number {
  const { run } = guest;
  const headers = HeaderMap.of(head.headers, run.headerLimits);
  run.responses.requireRoom();
  run.held.hold(headers.heldBytes);
  return run.responses.add(new ResponseObject({ status: head.status, headers }));
}

export function nowMs({ run }: FastlyGuest): number {
  return Number(run.capabilities.clock.nowNs() / nsPerMs);
}
