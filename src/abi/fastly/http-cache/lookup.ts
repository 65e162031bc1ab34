/** The cache of answers: found, and promised. */
import { Buffer } from 'node:buffer';
import { backendHeaders, hasValidator } from '../../../http/cached-reply.ts';
import { isCacheableRequest } from '../../../http/caching.ts';
import { HeaderMap, heldBytesOfLine } from '../../objects/headers.ts';
import { RequestObject } from '../../objects/messages.ts';
import {
  cacheHandles,
  type LookedUpRequest,
  onceReady,
  ResponseHandle,
  startLookup,
} from '../cache/entries.ts';
import { headOf, responseKeyBytes, responseKeyOf, serverOf } from '../cache/kept-response.ts';
import { answering, bytesRoom, waiting } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import { FastlyFault } from '../status.ts';
import { readResponseLookup } from './options.ts';

const lookupParams = [
  ['req_handle', 'handle'],
  ['mask', 'flags'],
  ['opts', 'address'],
  ['http_cache', 'out_handle'],
] as const;

export const httpCacheLookupHostcalls = [
  answering({
    name: 'is_request_cacheable',
    params: [
      ['req_handle', 'handle'],
      ['is_cacheable', 'out_number'],
    ],
    spec: '#cache-of-answers',
    meaning: '1 for GET and HEAD',
    act: (guest, handle, ptr) =>
      guest.writeU32(ptr, isCacheableRequest(requestOf(guest, handle)) ? 1 : 0),
  }),

  answering({
    name: 'get_suggested_cache_key',
    params: [['req_handle', 'handle'], ...bytesRoom('key_out')],
    spec: '#cache-of-answers',
    meaning: '32 bytes',
    act: (guest, handle, ptr, len, written) => {
      const { url } = requestOf(guest, handle);
      return guest.give({ ptr, len, written }, responseKeyOf(url, '', ''));
    },
  }),

  answering({
    name: 'lookup',
    params: lookupParams,
    spec: '#cache-of-answers',
    meaning: 'what is there now; obliges to nothing',
    act: (guest, handle, mask, opts, ptr) =>
      look(guest, 'find', { request: requestOf(guest, handle), mask, opts, ptr }),
  }),

  answering({
    name: 'transaction_lookup',
    params: lookupParams,
    spec: '#cache-of-answers',
    meaning: 'who asks for its state waits while another run is bringing it',
    act: (guest, handle, mask, opts, ptr) =>
      look(guest, 'enter', { request: requestOf(guest, handle), mask, opts, ptr }),
  }),

  answering({
    name: 'close',
    params: [['handle', 'handle']],
    spec: '#cache-of-answers',
    meaning: 'gives up what it obliges to',
    act: (guest, handle) => {
      const lookup = guest.run.of(cacheHandles).responses.take(handle);
      guest.run.held.release(lookup.heldBytes);
      lookup.giveUp();
    },
  }),

  waiting({
    name: 'get_suggested_backend_request',
    params: [
      ['handle', 'handle'],
      ['request', 'out_handle'],
    ],
    spec: '#cache-of-answers',
    meaning: 'for all of it, or whether what is kept still holds',
    act: (guest, handle, ptr) => {
      guest.requireRange(ptr, 4);
      const { run } = guest;
      return onceReady(run.of(cacheHandles).responses.get(handle), (lookup) => {
        const request = backendRequest(lookup, run.headerLimits);
        run.requests.requireRoom();
        run.held.hold(request.heldBytes);
        guest.writeU32(ptr, run.requests.add(request));
      });
    },
  }),
];

interface LookArguments {
  readonly request: LookedUpRequest;
  readonly mask: number;
  readonly opts: number;
  readonly ptr: number;
}

function look(
  guest: FastlyGuest,
  how: 'enter' | 'find',
  { mask, opts, ptr, request }: LookArguments,
): void {
  guest.requireRange(ptr, 4);
  const { cache, responses } = guest.run.of(cacheHandles);
  responses.requireRoom();
  const { backend: name, key: own } = readResponseLookup(guest, mask, opts);
  const backend = guest.run.capabilities.fetch.backends.find(name);
  const server = backend === undefined ? name : serverOf(backend);
  const key = own ?? responseKeyOf(request.url, server, 'program');
  if (key.length !== responseKeyBytes) throw new FastlyFault('inval');
  const address = { space: 'http', key, headers: request.headers } as const;
  const heldBytes = heldBytesOf(request);
  guest.run.held.hold(heldBytes);
  const lookup = startLookup(guest.run, (wait) => cache[how](address, wait));
  const handle = new ResponseHandle({ lookup, heldBytes }, request, hexOf(key));
  guest.writeU32(ptr, responses.add(handle));
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

function heldBytesOf({ headers, url }: LookedUpRequest): number {
  return headers.reduce((sum, [name, value]) => sum + heldBytesOfLine(name, value), url.length);
}

/** As it is now: the guest may go on with it. @throws HandleError */
function requestOf(guest: FastlyGuest, handle: number): LookedUpRequest {
  const { headers, method, url } = guest.run.requests.get(handle);
  const lines = headers.lines().map(([name, value]) => [name.toLowerCase(), value] as const);
  return { method, url, headers: lines };
}

function backendRequest(
  { entry, found, request }: ResponseHandle,
  limits: ConstructorParameters<typeof HeaderMap>[0],
): RequestObject {
  const kept = found === undefined || entry?.isObliged !== true ? undefined : headOf(found);
  const asked = kept !== undefined && hasValidator(kept) ? kept : undefined;
  const headers = HeaderMap.of(backendHeaders(request.headers, asked), limits);
  // A body is wanted, to be kept.
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  return new RequestObject({ method, url: request.url, headers });
}
