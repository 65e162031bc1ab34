/**
 * Heads of answers as text, laid out at once: for those that are like most. Others are left to
 * node:http with its rules, or laid out by the same rules where node has no part in the answer.
 */
import { STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http';
import { formatHttpDate } from '../../http/date.ts';
import { isFieldValue } from '../../http/fields.ts';
import { isToken } from '../../http/token.ts';

export interface UsualHeadsOptions {
  /** How long a connection without a request stays; clients are told. */
  readonly keepAliveTimeoutMs: number;
  readonly wallMs: () => number;
}

const contentLength = 'content-length';
/** Answers that end with their head, whatever it says. */
const endsWithHead: ReadonlySet<number> = new Set([204, 304]);
/** What changes more than its own line, in lower case. */
const special: ReadonlySet<string> = new Set([
  'connection',
  'date',
  'expect',
  'keep-alive',
  'trailer',
  'transfer-encoding',
]);
/** Of those, what is the connection's to say, and not the answer's. */
const aboutConnection: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'trailer',
  'transfer-encoding',
]);
/** Of most answers, in lower case: tokens, and none of those. */
const usualNames: ReadonlySet<string> = new Set([
  ...['cache-control', 'content-length', 'content-type', 'etag', 'location', 'set-cookie'],
  ...['vary', 'x-request-id', 'x-terrafirma-version'],
]);
const statusMin = 100;
const statusMax = 999;
const specialLengths: ReadonlySet<number> = new Set([...special].map(({ length }) => length));

export class UsualHeads {
  /** What clients are told of how long a connection is kept; undefined: nothing. */
  readonly keepAlive: string | undefined;
  readonly #wallMs: () => number;
  readonly #kept: string;
  /** The second that `#tail` tells. */
  #second = 0;
  #tail = '';
  #status = 0;
  #firstLine = '';

  constructor({ keepAliveTimeoutMs, wallMs }: UsualHeadsOptions) {
    this.#wallMs = wallMs;
    const seconds = Math.floor(keepAliveTimeoutMs / 1_000);
    this.keepAlive = keepAliveTimeoutMs === 0 ? undefined : `timeout=${seconds}`;
    const line = this.keepAlive === undefined ? '' : `Keep-Alive: ${this.keepAlive}\r\n`;
    this.#kept = `Connection: keep-alive\r\n${line}\r\n`;
  }

  /**
   * The head of a whole answer on a connection that is kept, its empty line included, as node would
   * send it; undefined where it is not like most, or no valid head.
   *
   * @param headers Names and values in turn.
   */
  layOut(status: number, headers: readonly string[]): string | undefined {
    if (status < statusMin || status > statusMax) return undefined;
    let lines = '';
    let isMeasured = endsWithHead.has(status);
    for (let at = 0; at + 1 < headers.length; at += 2) {
      const name = headers[at] ?? '';
      const value = headers[at + 1] ?? '';
      const isUsual = usualNames.has(name);
      if (!isUsual && (!isToken(name) || isSpecial(name))) return undefined;
      if (!isFieldValue(value)) return undefined;
      if (name === contentLength) isMeasured = true;
      lines += `${name}: ${value}\r\n`;
    }
    if (!isMeasured) return undefined;
    return `${this.#firstLineOf(status)}${lines}${this.#tailNow()}`;
  }

  /**
   * The head of any answer on a connection that is kept.
   *
   * @param isChunked The body follows in chunks: see `needsChunks`.
   * @throws RangeError, TypeError as node does, for what is no valid head.
   */
  compose(status: number, headers: readonly string[], isChunked: boolean): string {
    const date = headers.some((name, at) => at % 2 === 0 && name.toLowerCase() === 'date');
    const tail = date ? this.#kept : this.#tailNow();
    const framing = isChunked ? 'Transfer-Encoding: chunked\r\n' : '';
    return `${firstLine(status)}${layOutFields(headers)}${framing}${tail}`;
  }

  #firstLineOf(status: number): string {
    if (status !== this.#status) {
      this.#status = status;
      this.#firstLine = firstLine(status);
    }
    return this.#firstLine;
  }

  #tailNow(): string {
    const second = Math.floor(this.#wallMs() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#tail = `Date: ${formatHttpDate(second * 1_000)}\r\n${this.#kept}`;
    }
    return this.#tail;
  }
}

/** Whether the body of an answer tells its end by chunks; where it says neither, it must. */
export function needsChunks(status: number, headers: readonly string[]): boolean {
  if (endsWithHead.has(status)) return false;
  return !headers.some((name, at) => at % 2 === 0 && name.toLowerCase() === contentLength);
}

/** A whole interim answer (RFC 9110, section 15.2). @throws RangeError, TypeError as node does. */
export function composeInterim(status: number, headers: readonly string[]): string {
  return `${firstLine(status)}${layOutFields(headers)}\r\n`;
}

/**
 * Names and values in turn as lines, without what is about the connection.
 *
 * @throws TypeError as node does, for what is no field.
 */
export function layOutFields(flat: readonly string[]): string {
  let lines = '';
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const name = flat[at] ?? '';
    const value = flat[at + 1] ?? '';
    validateHeaderName(name);
    validateHeaderValue(name, value);
    if (!aboutConnection.has(name.toLowerCase())) lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

function firstLine(status: number): string {
  if (!Number.isInteger(status) || status < statusMin || status > statusMax) {
    const rule = `its status must be ${statusMin} to ${statusMax}`;
    throw new RangeError(`Cannot send the answer: ${rule}: received ${status}`);
  }
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`;
}

function isSpecial(name: string): boolean {
  return specialLengths.has(name.length) && special.has(name.toLowerCase());
}
