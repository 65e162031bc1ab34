/**
 * Hostcalls that make and send requests. Any HTTP status is a success; what failed, and why, is in
 * the log, for the guest it is -1.
 */

import { inBytes } from '../../amounts.ts';
import { isToken } from '../../http/token.ts';
import { readPieces, type Steps } from '../steps.ts';
import type { HostcallFamily, TerrariumGuest } from './guest.ts';
import { Misuse } from './misuse.ts';

const ok = 0;
const invalid = 1;
const noHandle = -1;
const methodBytesMax = 32;

export function outboundHostcalls(guest: TerrariumGuest): HostcallFamily {
  return { ...writers(guest), ...senders(guest) };
}

function writers(guest: TerrariumGuest): HostcallFamily {
  return {
    /** A new request, or -1 on a method or URL that cannot be sent. */
    hostcall_req_create: {
      waits: false,
      call: (methodPtr: number, methodLen: number, urlPtr: number, urlLen: number): number =>
        guest.answer(noHandle, () => {
          const method = parseMethod(guest.readText(methodPtr, methodLen, methodBytesMax));
          return guest.run.outbound.create(method, readUrl(guest, urlPtr, urlLen));
        }),
    },

    /** Replaces all values of the name; none removes it. */
    hostcall_req_set_header: {
      waits: true,
      call: (
        handle: number,
        namePtr: number,
        nameLen: number,
        valuesPtr: number,
        valueCount: number,
      ): number =>
        guest.answer(invalid, () => {
          const { headersMax, headerBytesMax } = guest.limits;
          const limits = { linesMax: headersMax, bytesMax: headerBytesMax };
          const { fields } = guest.run.outbound.requests.get(handle);
          const name = guest.readText(namePtr, nameLen, limits.bytesMax);
          fields.set(name, guest.readTexts(valuesPtr, valueCount, limits));
          return ok;
        }),
    },

    /** Replaces the body. Rust guests do so for every request: no bytes are no body. */
    hostcall_req_set_body: {
      waits: true,
      call: (handle: number, ptr: number, len: number): Steps<number> =>
        guest.answerInSteps(invalid, function* () {
          const { outbound } = guest.run;
          const request = outbound.requests.get(handle);
          guest.memory.requireRange(ptr, len);
          const length = len >>> 0;
          const bytesMax = guest.limits.outboundRequestBytesMax;
          if (length > bytesMax) {
            throw new Misuse(
              `Cannot set the body: at most ${inBytes(bytesMax)}`,
              `${length} bytes`,
            );
          }
          outbound.makeRoom(request, length);
          request.body = yield* readPieces(guest.memory, { ptr, len: length }, request.body);
          return ok;
        }),
    },
  };
}

function senders(guest: TerrariumGuest): HostcallFamily {
  return {
    /** Consumes the request; waits for its response. */
    hostcall_req_send: {
      waits: true,
      call: (handle: number): Promise<number> =>
        guest.answerLater(noHandle, async () => {
          const { outbound } = guest.run;
          const pending = outbound.send(handle);
          await guest.waitFor(pending.settled);
          return outbound.keepReply(pending);
        }),
    },

    /** Consumes the request; answers at once with a pending request. */
    hostcall_req_send_async: {
      waits: false,
      call: (handle: number): number =>
        guest.answer(noHandle, () => guest.run.outbound.sendAsync(handle)),
    },
  };
}

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
