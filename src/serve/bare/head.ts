/**
 * Reads heads of bare requests: those that are a head and nothing else, as most are. Node's parser
 * brings a whole stream and an answer of its own for each, which cost a fifth of a short request
 * (docs/rationale.md). What is read here is a strict part of what that parser reads, and is read as
 * it would: for the least doubt there is no answer, and node's parser gets the same bytes. But one
 * thing it would refuse: a method that it does not know. Pure.
 */
import { Buffer } from 'node:buffer';
import { METHODS } from 'node:http';
import type { RawHead } from '../../http/request-head.ts';

/** A head that was read, and where in the bytes it ended. */
export interface BareHead extends RawHead {
  readonly end: number;
}

/** Longer heads are rare, and what is kept of a head may keep all of its text. */
const headBytesMax = 8 * 1_024;
/** What is remembered of a head, such as its path, is a copy where the text is longer. */
const sharedTextBytesMax = 512;
const fieldsMax = 64;
/** Where a field's name begins and ends, and its value. */
const marksPerField = 4;

const methods = ['GET', 'HEAD', 'OPTIONS', 'DELETE'].map((name) => ({
  name,
  bytes: Buffer.from(`${name} /`),
}));
/** Those that node knows are its own; PRI begins HTTP/2 (RFC 9113, section 11.6). */
const methodsOfNode: ReadonlySet<string> = new Set([...METHODS, 'PRI']);
const unknownMethodBytesMax = 128;
const headEnd = '\r\n\r\n';
const versionBytes = Buffer.from(' HTTP/1.1\r\n');

const colon = 0x3a;
const slash = 0x2f;
const space = 0x20;
const tab = 0x09;
const carriageReturn = 0x0d;
const lineFeed = 0x0a;

/** What a byte may stand in; RFC 9110, section 5.6.2, for tokens, and 5.5 for values. */
const inTarget = 1;
const inToken = 2;
const inValue = 4;
const kinds = classify();

/**
 * What says how long a request is, what becomes of its connection, or that an answer must wait; of
 * `connection` the one value that changes nothing is let through.
 */
const special: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const specialLengths: readonly boolean[] = Array.from({ length: 18 }, (_, length) =>
  [...special].some((name) => name.length === length),
);

export class BareHeads {
  readonly #bytesMax: number;
  /** Of the head that is being read. */
  readonly #marks = new Uint16Array(fieldsMax * marksPerField);

  /** @param headerBytesMax What node's parser would take of a head, at most. */
  constructor(headerBytesMax: number) {
    this.#bytesMax = Math.min(headerBytesMax, headBytesMax);
  }

  /** The head at the beginning of `bytes`; undefined where it is not a whole one, or not bare. */
  read(bytes: Buffer): BareHead | undefined {
    const usual = methodOf(bytes);
    const method = usual ?? unknownMethodOf(bytes);
    if (method === undefined) return undefined;
    const targetStart = method.length + 1;
    const limit = Math.min(bytes.length, this.#bytesMax);
    const targetEnd = skip(bytes, inTarget, targetStart, limit);
    if (!standsAt(bytes, versionBytes, targetEnd)) return undefined;
    const marks = this.#marks;
    let at = targetEnd + versionBytes.length;
    let mark = 0;
    while (bytes[at] !== carriageReturn) {
      const nameEnd = skip(bytes, inToken, at, limit);
      if (nameEnd === at || bytes[nameEnd] !== colon || mark === marks.length) return undefined;
      const valueStart = skipSpace(bytes, nameEnd + 1);
      const lineEnd = skip(bytes, inValue, valueStart, limit);
      if (!endsLine(bytes, lineEnd)) return undefined;
      marks[mark] = at;
      marks[mark + 1] = nameEnd;
      marks[mark + 2] = valueStart;
      marks[mark + 3] = withoutSpace(bytes, valueStart, lineEnd);
      mark += marksPerField;
      at = lineEnd + 2;
    }
    if (!endsLine(bytes, at) || at + 2 > limit) return undefined;
    const end = at + 2;
    const text = bytes.toString('latin1', 0, end);
    // Some clients say so of every method that they do not know either.
    const emptyLengths = usual === undefined ? 1 : 0;
    const rawHeaders = this.#cut(bytes, text, { markEnd: mark, emptyLengths });
    if (rawHeaders === undefined) return undefined;
    const url = cut(bytes, text, targetStart, targetEnd);
    return { method, url, httpVersion: '1.1', rawHeaders, end };
  }

  /**
   * Whether the head at the beginning of `bytes`, of which some is still to come, is refused by
   * node whatever that is, and may be a bare one: its method is none that node knows.
   */
  isWorthWaiting(bytes: Buffer): boolean {
    if (bytes.length >= this.#bytesMax || bytes.includes(headEnd)) return false;
    return unknownMethodOf(bytes) !== undefined;
  }

  /**
   * Names and values in turn; undefined where one of them makes more of it than a bare request.
   * `emptyLengths`: how often it may say that it has no body.
   */
  #cut(
    bytes: Buffer,
    text: string,
    { markEnd, emptyLengths }: { readonly markEnd: number; readonly emptyLengths: number },
  ): string[] | undefined {
    const marks = this.#marks;
    let lengthsLeft = emptyLengths;
    const rawHeaders: string[] = [];
    for (let mark = 0; mark < markEnd; mark += marksPerField) {
      const nameStart = marks[mark] ?? 0;
      const nameEnd = marks[mark + 1] ?? 0;
      const valueStart = marks[mark + 2] ?? 0;
      const valueEnd = marks[mark + 3] ?? 0;
      const name = text.slice(nameStart, nameEnd);
      // The host is remembered.
      const value =
        name.length === 4
          ? cut(bytes, text, valueStart, valueEnd)
          : text.slice(valueStart, valueEnd);
      if (specialLengths[name.length] === true && isSpecial(name, value)) {
        lengthsLeft -= isEmptyLength(name, value) ? 1 : Number.POSITIVE_INFINITY;
        if (lengthsLeft < 0) return undefined;
      }
      rawHeaders.push(name, value);
    }
    return rawHeaders;
  }
}

function isSpecial(name: string, value: string): boolean {
  const lowerName = name.toLowerCase();
  if (!special.has(lowerName)) return false;
  return lowerName !== 'connection' || value.toLowerCase() !== 'keep-alive';
}

function isEmptyLength(name: string, value: string): boolean {
  return value === '0' && name.toLowerCase() === 'content-length';
}

function methodOf(bytes: Uint8Array): string | undefined {
  for (const method of methods) if (standsAt(bytes, method.bytes, 0)) return method.name;
  return undefined;
}

/** Any token is a method (RFC 9110, section 9.1), and case matters; node's parser has a list. */
function unknownMethodOf(bytes: Buffer): string | undefined {
  const limit = Math.min(bytes.length, unknownMethodBytesMax);
  const end = skip(bytes, inToken, 0, limit);
  if (end === 0 || bytes[end] !== space || bytes[end + 1] !== slash) return undefined;
  const method = bytes.toString('latin1', 0, end);
  return methodsOfNode.has(method) ? undefined : method;
}

function standsAt(bytes: Uint8Array, wanted: Uint8Array, at: number): boolean {
  if (at + wanted.length > bytes.length) return false;
  for (let index = 0; index < wanted.length; index += 1) {
    if (bytes[at + index] !== wanted[index]) return false;
  }
  return true;
}

function endsLine(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === carriageReturn && bytes[at + 1] === lineFeed;
}

/** The first place at or after `at` whose byte is not of that kind, `limit` at most. */
function skip(bytes: Uint8Array, kind: number, at: number, limit: number): number {
  let end = at;
  while (end < limit && ((kinds[bytes[end] ?? 0] ?? 0) & kind) !== 0) end += 1;
  return end;
}

function skipSpace(bytes: Uint8Array, at: number): number {
  let start = at;
  while (isSpace(bytes[start])) start += 1;
  return start;
}

function withoutSpace(bytes: Uint8Array, start: number, end: number): number {
  let last = end;
  while (last > start && isSpace(bytes[last - 1])) last -= 1;
  return last;
}

function isSpace(byte: number | undefined): boolean {
  return byte === space || byte === tab;
}

/** A part of the text that may be kept for long, and then keeps no more than itself. */
function cut(bytes: Buffer, text: string, start: number, end: number): string {
  return text.length <= sharedTextBytesMax
    ? text.slice(start, end)
    : bytes.toString('latin1', start, end);
}

function classify(): Uint8Array {
  const table = new Uint8Array(256);
  for (let byte = 0; byte < table.length; byte += 1) {
    const isVisible = byte > space && byte < 0x7f;
    // A fragment has rules of its own.
    if (isVisible && byte !== 0x23) table[byte] = inTarget;
    if (/[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(byte)))
      table[byte] = (table[byte] ?? 0) | inToken;
    if (byte === tab || byte === space || isVisible || byte >= 0x80)
      table[byte] = (table[byte] ?? 0) | inValue;
  }
  return table;
}
