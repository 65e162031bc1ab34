/** Requests: the visitor's, and those that the guest makes. */
import { isToken } from '../../http/token.ts';
import type { RequestObject } from '../objects/messages.ts';
import { answering, room, text } from './declare.ts';
import { downstream } from './downstream/downstream.ts';
import type { FastlyGuest } from './guest.ts';
import { headerHostcalls } from './message-headers.ts';
import { readFraming, versionHostcalls } from './message-parts.ts';
import { status } from './status.ts';

const methodBytesMax = 1_024;
/** What stands in no URI, as a whole or in part (RFC 3986); bytes above ASCII are let be. */
const notInUri = /[\0-\x20\x7f"<>\\^`]/;
/** A path, a whole one, an authority, or the server itself (RFC 9112, section 3.2). */
const uriForms = /^(?:\/|\?|[a-z][a-z0-9+.-]*:\/\/[^/?#]+|[\w.~-]+(?::\d+)?$|\*$)/i;

export const startHostcalls = [
  answering({
    name: 'init',
    params: [['abi_version', 'number64']],
    spec: '#beginning',
    meaning: '`error` unless it is 1',
    act: (_guest, version) => (version === 1n ? status.ok : status.error),
  }),
];

export const requestHostcalls = [
  answering({
    name: 'body_downstream_get',
    params: [
      ['request', 'out_handle'],
      ['body', 'out_handle'],
    ],
    spec: '#requests',
    meaning: 'the visitor’s, always by the same handles',
    act: (guest, requestPtr, bodyPtr) => {
      guest.requireRange(requestPtr, 4);
      guest.requireRange(bodyPtr, 4);
      const { request, body } = guest.run.of(downstream).handles;
      guest.writeU32(requestPtr, request);
      guest.writeU32(bodyPtr, body);
    },
  }),

  answering({
    name: 'new',
    params: [['request', 'out_handle']],
    spec: '#requests',
    meaning: 'a GET of `/`',
    act: (guest, ptr) => {
      guest.requireRange(ptr, 4);
      const { run } = guest;
      guest.writeU32(ptr, run.requests.add(run.newRequest()));
    },
  }),

  ...headerHostcalls((guest, handle) => findRequest(guest, handle).headers),

  answering({
    name: 'method_get',
    params: [['h', 'handle'], ...room('buf')],
    spec: '#requests',
    act: (guest, handle, ptr, len, written) =>
      guest.give({ ptr, len, written }, findRequest(guest, handle).method),
  }),

  answering({
    name: 'method_set',
    params: [['h', 'handle'], ...text('method')],
    spec: '#requests',
    meaning: '`error` for what is no method',
    act: (guest, handle, ptr, len) => {
      const request = findRequest(guest, handle);
      const method = guest.readLatin1(ptr, len, methodBytesMax);
      if (!isToken(method)) return status.error;
      change(guest, request, { method });
      return status.ok;
    },
  }),

  answering({
    name: 'uri_get',
    params: [['h', 'handle'], ...room('buf')],
    spec: '#requests',
    act: (guest, handle, ptr, len, written) =>
      guest.give({ ptr, len, written }, findRequest(guest, handle).url),
  }),

  answering({
    name: 'uri_set',
    params: [['h', 'handle'], ...text('uri')],
    spec: '#requests',
    meaning: '`error` for what is no URI',
    act: (guest, handle, ptr, len) => {
      const request = findRequest(guest, handle);
      const uri = guest.readLatin1(ptr, len, guest.limits.targetBytesMax);
      if (notInUri.test(uri) || !uriForms.test(uri)) return status.error;
      change(guest, request, { url: uri });
      return status.ok;
    },
  }),

  ...versionHostcalls(findRequest),

  answering({
    name: 'close',
    params: [['h', 'handle']],
    spec: '#requests',
    act: (guest, handle) => {
      const request = guest.run.requests.take(handle);
      guest.run.held.release(request.heldBytes);
    },
  }),

  answering({
    name: 'framing_headers_mode_set',
    params: [
      ['h', 'handle'],
      ['mode', 'number'],
    ],
    spec: '#framing',
    act: (guest, handle, mode) => {
      findRequest(guest, handle).framing = readFraming(mode);
    },
  }),
];

/** It is the run's memory. @throws ObjectError; nothing is changed then */
function change(
  { run }: FastlyGuest,
  request: RequestObject,
  to: Partial<Pick<RequestObject, 'method' | 'url'>>,
): void {
  const { heldBytes, method, url } = request;
  Object.assign(request, to);
  const more = request.heldBytes - heldBytes;
  try {
    if (more > 0) run.held.hold(more);
    else run.held.release(-more);
  } catch (error) {
    Object.assign(request, { method, url });
    throw error;
  }
}

export function findRequest(guest: FastlyGuest, handle: number) {
  return guest.run.requests.get(handle);
}
