/**
 * Hostcalls that make and send requests. Any HTTP status is a success; what failed, and why, is in
 * the log, for the guest it is -1.
 */

import { inBytes } from '../../amounts.ts';
import { isToken } from '../../http/token.ts';
import { readPieces } from '../steps.ts';
import { headerName, headerValues, hostcall } from './declare.ts';
import type { TerrariumGuest } from './guest.ts';
import { Misuse } from './misuse.ts';

const ok = 0;
const invalid = 1;
const noHandle = -1;
const methodBytesMax = 32;

export const outboundHostcalls = [
  hostcall({
    name: 'hostcall_req_create',
    params: [
      ['method', 'text'],
      ['method_len', 'length'],
      ['URL', 'text'],
      ['URL_len', 'length'],
    ],
    results: [['request', 'handle']],
    waits: false,
    meaning: '-1 unless the method is a token and the URL a full `http:` or `https:` one',
    spec: '',
    call: (guest) => (methodPtr, methodLen, urlPtr, urlLen) =>
      guest.answer(noHandle, () => {
        const method = parseMethod(guest.readText(methodPtr, methodLen, methodBytesMax));
        return guest.run.outbound.create(method, readUrl(guest, urlPtr, urlLen));
      }),
  }),

  hostcall({
    name: 'hostcall_req_set_header',
    params: [['request', 'handle'], ...headerName, ...headerValues],
    results: [['status', 'status']],
    waits: true,
    meaning: 'as `resp_set_header`',
    spec: 'A3, A9, A14',
    call: (guest) => (handle, namePtr, nameLen, valuesPtr, valueCount) =>
      guest.answer(invalid, () => {
        const { headersMax, headerBytesMax } = guest.limits;
        const limits = { linesMax: headersMax, bytesMax: headerBytesMax };
        const { fields } = guest.run.outbound.requests.get(handle);
        const name = guest.readText(namePtr, nameLen, limits.bytesMax);
        fields.set(name, guest.readTexts(valuesPtr, valueCount, limits));
        return ok;
      }),
  }),

  hostcall({
    name: 'hostcall_req_set_body',
    params: [
      ['request', 'handle'],
      ['body', 'bytes'],
      ['body_len', 'length'],
    ],
    results: [['status', 'status']],
    waits: true,
    meaning: 'replaces the body; no bytes are no body',
    spec: 'A1',
    // Rust guests set a body of every request.
    call: (guest) => (handle, ptr, len) =>
      guest.answerInSteps(invalid, function* () {
        const { outbound } = guest.run;
        const request = outbound.requests.get(handle);
        guest.memory.requireRange(ptr, len);
        const length = len >>> 0;
        const bytesMax = guest.limits.outboundRequestBytesMax;
        if (length > bytesMax) {
          throw new Misuse(`Cannot set the body: at most ${inBytes(bytesMax)}`, `${length} bytes`);
        }
        outbound.makeRoom(request, length);
        request.body = yield* readPieces(guest.memory, { ptr, len: length }, request.body);
        return ok;
      }),
  }),

  hostcall({
    name: 'hostcall_req_send',
    params: [['request', 'handle']],
    results: [['response', 'handle']],
    waits: true,
    meaning: 'waits. Any HTTP status is a success; -1 is no answer at all',
    spec: '',
    /** Consumes the request. */
    call: (guest) => (handle) =>
      guest.answerLater(noHandle, async () => {
        const { outbound } = guest.run;
        const pending = outbound.send(handle);
        await guest.waitFor(pending.whenReady());
        return outbound.keepReply(pending);
      }),
  }),

  hostcall({
    name: 'hostcall_req_send_async',
    params: [['request', 'handle']],
    results: [['pending', 'handle']],
    waits: false,
    meaning: 'does not wait',
    spec: '',
    /** Consumes the request. */
    call: (guest) => (handle) => guest.answer(noHandle, () => guest.run.outbound.sendAsync(handle)),
  }),
];

/** CONNECT would turn the connection into something that is no request (RFC 9110, 9.3.6). */
function parseMethod(text: string): string {
  if (!isToken(text) || text.toUpperCase() === 'CONNECT') {
    throw new Misuse('Cannot create the request: a method is a token, not CONNECT', text);
  }
  return text;
}

function readUrl(guest: TerrariumGuest, ptr: number, len: number): URL {
  const bytesMax = guest.limits.targetBytesMax;
  guest.memory.requireRange(ptr, len);
  const length = len >>> 0;
  if (length > bytesMax) {
    throw new Misuse(`Cannot create the request: a URL of at most ${bytesMax}`, `${length} bytes`);
  }
  const text = guest.memory.readUtf8(ptr, length, bytesMax);
  const url = text === undefined ? null : URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new Misuse('Cannot create the request: a full http or https URL', text ?? 'not UTF-8');
  }
  // What stands after `#` is for the guest's own use (RFC 9110, section 7.1).
  url.hash = '';
  return url;
}
