/**
 * `http.send-http-request`, which the kits of the protocol `wws` import beside WASI: sends one
 * request, in the canonical ABI of 2022 (wit-bindgen before 0.7). Strings and lists are pointer and
 * length; what the host answers with is allocated by the guest's own `canonical_abi_realloc`.
 *
 *   request   flat: option body (u8, ptr, len), headers (ptr, len), u8 method, params (ptr, len),
 *             uri (ptr, len)
 *   header    16 bytes: name ptr, len, value ptr @8, len
 *   result    28 bytes: u8 0; u8 1 @4, body ptr @8, len; headers ptr @16, len; u16 status @24
 *                   or  u8 1; u8 error @4, message ptr @8, len
 */

import { Buffer } from 'node:buffer';
import type { OutboundReply, OutboundRequest } from '../../capability/fetch/contract.ts';
import { CapabilityRefusal, type RefusalKind } from '../../capability/refusal.ts';
import { noBytes } from '../../http/body.ts';
import type { Header } from '../../http/message.ts';
import { WasiError } from '../objects/files/errno.ts';
import { pieceItems, readPieces, type Steps, wait, writePieces } from '../steps.ts';
import { hostcall } from './declare.ts';
import type { WasiGuest } from './guest.ts';

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'];
/** `http-error`. */
const httpError = { invalidRequest: 0, notAllowed: 3, internalError: 4, timeout: 5 } as const;
const headerBytes = 16;
const resultBytes = 28;
const headersMax = 1_000;
/** Of an address, and of each name and value. */
const textBytesMax = 65_536;

/** What the guest is told of a capability's refusal; none is left out, or this does not compile. */
const httpErrors: Readonly<Record<RefusalKind, number>> = {
  input: httpError.invalidRequest,
  limit: httpError.notAllowed,
  forbidden: httpError.notAllowed,
  dns: httpError.internalError,
  connection: httpError.internalError,
  timeout: httpError.timeout,
  abandoned: httpError.internalError,
  unavailable: httpError.internalError,
  full: httpError.internalError,
};

interface Asked {
  readonly body: { readonly isThere: boolean; readonly ptr: number; readonly len: number };
  readonly headers: { readonly ptr: number; readonly len: number };
  readonly method: number;
  readonly uri: { readonly ptr: number; readonly len: number };
}

type Outcome =
  | { readonly kind: 'reply'; readonly reply: OutboundReply }
  | { readonly kind: 'failed'; readonly error: number; readonly message: string };

export const httpHostcalls = [
  hostcall({
    name: 'send-http-request',
    params: [
      ['has_body', 'flag'],
      ['body', 'bytes'],
      ['body_len', 'length'],
      ['headers', 'address'],
      ['headers_len', 'number'],
      ['method', 'number'],
      ['params', 'address'],
      ['params_len', 'number'],
      ['uri', 'text'],
      ['uri_len', 'length'],
      ['result', 'address'],
    ],
    results: [],
    waits: true,
    meaning: 'sends one request; its answer, or why there is none, is at `result`',
    spec: '',
    call:
      (guest) =>
      (...args) => {
        const [hasBody, bodyPtr, bodyLen, headersPtr, headersLen, method] = args;
        const [, , , , , , , , uriPtr, uriLen, resultPtr] = args;
        const asked = {
          body: { isThere: hasBody !== 0, ptr: bodyPtr >>> 0, len: bodyLen >>> 0 },
          headers: { ptr: headersPtr >>> 0, len: headersLen >>> 0 },
          method,
          uri: { ptr: uriPtr >>> 0, len: uriLen >>> 0 },
        };
        return answer(guest, asked, resultPtr >>> 0);
      },
  }),
];

/** The function has no result to tell of a bad address by: it traps. */
function* answer(guest: WasiGuest, asked: Asked, resultPtr: number): Steps<void> {
  try {
    guest.requireRange(resultPtr, resultBytes);
    const outcome = yield* send(guest, asked);
    if (outcome.kind === 'reply') yield* giveReply(guest, outcome.reply, resultPtr);
    else yield* giveFailure(guest, outcome, resultPtr);
  } catch (error) {
    if (!(error instanceof WasiError)) throw error;
    guest.trap('Cannot send the request: its addresses must lie in memory');
  }
}

function* send(guest: WasiGuest, asked: Asked): Steps<Outcome> {
  const { process } = guest;
  const { fetch } = process.capabilities;
  const request = yield* readRequest(guest, asked);
  if (request === undefined || fetch === undefined) {
    return { kind: 'failed', error: httpError.invalidRequest, message: 'Cannot send the request' };
  }
  const controller = new AbortController();
  const watched = { cancel: () => controller.abort() };
  process.cancelAtEnd(watched);
  const endWait = process.beginWait();
  try {
    return yield* wait(fetch.send(request, controller.signal).then(toReply, toFailure));
  } finally {
    endWait();
    process.forget(watched);
  }
}

function toReply(reply: OutboundReply): Outcome {
  return { kind: 'reply', reply };
}

function toFailure(error: unknown): Outcome {
  const code =
    error instanceof CapabilityRefusal ? httpErrors[error.kind] : httpError.internalError;
  const message = error instanceof Error ? error.message : String(error);
  return { kind: 'failed', error: code, message };
}

/** Undefined for what cannot be a request; the capability looks at the rest. */
function* readRequest(guest: WasiGuest, asked: Asked): Steps<OutboundRequest | undefined> {
  const { body, headers: list, uri } = asked;
  const method = methods[asked.method];
  if (method === undefined || list.len > headersMax || uri.len > textBytesMax) return undefined;
  const headers: Header[] = [];
  for (let index = 0; index < list.len; index += 1) {
    if (index > 0 && index % pieceItems === 0) yield;
    const at = list.ptr + index * headerBytes;
    const name = readText(guest, at);
    const value = readText(guest, at + 8);
    if (name === undefined || value === undefined) return undefined;
    headers.push([name.toLowerCase(), value]);
  }
  const url = Buffer.from(guest.readBytes(uri.ptr, uri.len)).toString('utf8');
  const bytes = body.isThere ? yield* readBody(guest, body) : noBytes;
  return { method, url, headers, body: bytes };
}

/** The text whose address and length stand at `at`, one character a byte. */
function readText(guest: WasiGuest, at: number): string | undefined {
  const len = guest.readU32(at + 4);
  if (len > textBytesMax) return undefined;
  return Buffer.from(guest.readBytes(guest.readU32(at), len)).toString('latin1');
}

function* readBody(guest: WasiGuest, body: Asked['body']): Steps<Uint8Array> {
  guest.requireRange(body.ptr, body.len);
  return yield* readPieces(guest, body);
}

function* giveReply(guest: WasiGuest, reply: OutboundReply, resultPtr: number): Steps<void> {
  const record = new DataView(new ArrayBuffer(resultBytes));
  record.setUint8(4, 1);
  record.setUint32(8, yield* place(guest, reply.body), true);
  record.setUint32(12, reply.body.length, true);
  const list = new DataView(new ArrayBuffer(reply.headers.length * headerBytes));
  for (const [index, header] of reply.headers.entries()) {
    if (index > 0 && index % pieceItems === 0) yield;
    for (const [part, text] of header.entries()) {
      const bytes = Buffer.from(text, 'latin1');
      const at = index * headerBytes + part * 8;
      list.setUint32(at, yield* place(guest, bytes), true);
      list.setUint32(at + 4, bytes.length, true);
    }
  }
  record.setUint32(16, yield* place(guest, new Uint8Array(list.buffer), 4), true);
  record.setUint32(20, reply.headers.length, true);
  record.setUint16(24, reply.status, true);
  guest.writeBytes(resultPtr, new Uint8Array(record.buffer));
}

function* giveFailure(
  guest: WasiGuest,
  { error, message }: Outcome & { readonly kind: 'failed' },
  resultPtr: number,
): Steps<void> {
  const text = Buffer.from(message);
  const record = new DataView(new ArrayBuffer(resultBytes));
  record.setUint8(0, 1);
  record.setUint8(4, error);
  record.setUint32(8, yield* place(guest, text), true);
  record.setUint32(12, text.length, true);
  guest.writeBytes(resultPtr, new Uint8Array(record.buffer));
}

/** Puts `bytes` into memory of the guest's own; where they are. */
function* place(guest: WasiGuest, bytes: Uint8Array, align = 1): Steps<number> {
  // Its kits free nothing of this length, and take the alignment for an address.
  if (bytes.length === 0) return align;
  const ptr = guest.allocate(bytes.length, align);
  yield* writePieces(guest, ptr, bytes);
  return ptr;
}
