/**
 * The header block of a CGI answer (RFC 3875, section 6): lines up to the first empty one, ended by
 * lf or CRLF. Nothing of it reaches the wire unread: a name is a token, a value holds no control
 * character, so a program that copies a visitor's words into a header cannot be made to add one.
 */

import { Buffer } from 'node:buffer';
import { TerrafirmaError } from '../../../errors.ts';
import { noBytes } from '../../../http/body.ts';
import { isLeftToDaemon } from '../../../http/connection-headers.ts';
import { isFieldValue, trimSpace, trimSpaceBehind } from '../../../http/fields.ts';
import type { Header, ReplyHead } from '../../../http/message.ts';
import { isFinalStatus, statusMax, statusMin } from '../../../http/status.ts';
import { beginsField, isToken } from '../../../http/token.ts';
import { quoteReceived } from '../../../names/quote.ts';
import { parseRequestPath } from '../../../names/request-path.ts';

export interface HeadLimits {
  readonly linesMax: number;
  readonly bytesMax: number;
}

/** What the block asks for. */
export type CgiHead =
  | { readonly kind: 'reply'; readonly head: ReplyHead }
  /** The answer is that of another path of the site (RFC 3875, section 6.2.2). */
  | { readonly kind: 'inside'; readonly target: string };

/** An answer has at least one of them. */
const neededLine = /^(content-type|location|status)[ \t]*:/i;
const statusPattern = /^(\d{3})(?:[ \t].*)?$/;
const statusFound = 302;
/**
 * A path and a query of this site; `//` would name another host. A fragment is for the visitor's
 * browser: it must be told (RFC 3875, section 6.2.2, has none here).
 */
const localPath = /^\/(?!\/)[\x21\x22\x24-\x7e]*$/;
/** Of what a program writes, made text at once while its head is read. */
const decodedBytes = 1_024;

/** Collects the block as it comes, in pieces of any size. */
export class HeadBlock {
  readonly #limits: HeadLimits;
  readonly #lines: string[] = [];
  /** Everything taken so far, one character a byte. */
  #text = '';
  #partial = '';
  #bytes = 0;
  #isComplete = false;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Lines without their ends. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Everything taken so far, as it came. */
  get bytes(): Uint8Array {
    return Buffer.from(this.#text, 'latin1');
  }

  get byteLength(): number {
    return this.#bytes;
  }

  /**
   * Whether what came cannot become a header block: its first line is none, or it has ended, or is
   * too long to, without one of the headers that an answer needs.
   */
  get isPlain(): boolean {
    const first = this.#lines[0];
    if (first !== undefined && !beginsField(first)) return true;
    return (this.#isComplete || this.#isTooLong) && !this.isAnnounced;
  }

  /** Whether one of the headers that an answer needs has come. */
  get isAnnounced(): boolean {
    return this.#lines.some((line) => neededLine.test(line)) || neededLine.test(this.#partial);
  }

  /** Reads bytes up to the end of the block; answers what of them comes after it. Keeps none. */
  push(bytes: Uint8Array): Uint8Array {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    let start = 0;
    while (start < view.length && !this.#isComplete && !this.#isTooLong) {
      // A head is made text at once: a call of node's for each line costs more than the lines.
      const stop = Math.min(start + decodedBytes, view.length);
      start += this.#takeLines(view.toString('latin1', start, stop));
    }
    return start === bytes.length ? noBytes : bytes.subarray(start);
  }

  /** @throws TerrafirmaError `reply-too-large` */
  requireWithinLimits(): void {
    if (!this.#isTooLong) return;
    const { linesMax, bytesMax } = this.#limits;
    throw new TerrafirmaError(
      'reply-too-large',
      `Cannot read the answer: its header block may have ${linesMax} lines and ${bytesMax} ` +
        `bytes: received more`,
    );
  }

  get #isTooLong(): boolean {
    return this.#bytes > this.#limits.bytesMax || this.#lines.length > this.#limits.linesMax;
  }

  /** How many characters of `text` belong to the block. */
  #takeLines(text: string): number {
    let start = 0;
    while (start < text.length && !this.#isComplete && !this.#isTooLong) {
      const end = text.indexOf('\n', start);
      const upTo = end < 0 ? text.length : end + 1;
      this.#take(text.slice(start, upTo), end >= 0);
      start = upTo;
    }
    this.#text += start === text.length ? text : text.slice(0, start);
    return start;
  }

  #take(piece: string, endsLine: boolean): void {
    this.#bytes += piece.length;
    const whole = this.#partial === '' ? piece : this.#partial + piece;
    this.#partial = endsLine ? '' : whole;
    if (!endsLine) return;
    const line = withoutLineEnd(whole);
    if (line === '') this.#isComplete = true;
    else this.#lines.push(line);
  }
}

/** `text` ends in lf or CRLF. */
function withoutLineEnd(text: string): string {
  return text.slice(0, text.endsWith('\r\n') ? -2 : -1);
}

/**
 * Reads a whole block.
 *
 * @throws TerrafirmaError `bad-reply`
 */
export function parseHead(lines: readonly string[]): CgiHead {
  let statusText: string | undefined;
  let location: string | undefined;
  let contentType: string | undefined;
  const headers: Header[] = [];
  for (const line of lines) {
    const header = parseLine(line);
    const [name, value] = header;
    if (name === 'content-type') contentType = value;
    else if (name === 'status') statusText = value;
    else if (name === 'location') location = value;
    else if (!isLeftToDaemon(name)) headers.push(header);
  }
  if ((contentType ?? statusText ?? location) === undefined) {
    throw bad('it needs a Content-Type, a Location or a Status', 'none');
  }
  const isAlone = (contentType ?? statusText) === undefined && headers.length === 0;
  if (location !== undefined && isAlone && localPath.test(location)) {
    requireValidPath(location);
    return { kind: 'inside', target: location };
  }
  if (location !== undefined) headers.unshift(['location', location]);
  if (contentType !== undefined) headers.unshift(['content-type', contentType]);
  const status = parseStatus(statusText, location);
  return { kind: 'reply', head: { status, headers } };
}

/** What no visitor may ask for is the program's fault here, and no visitor's. */
function requireValidPath(target: string): void {
  try {
    parseRequestPath(target);
  } catch (error) {
    if (!(error instanceof TerrafirmaError && error.code === 'bad-path')) return;
    throw bad('a local Location must be a path of the site', quoteReceived(target));
  }
}

function parseLine(line: string): Header {
  const colon = line.indexOf(':');
  if (colon < 0) throw bad('each header line needs a colon', quoteReceived(line));
  // A space before the name would continue the line above: nobody agrees on what that means.
  const name = trimSpaceBehind(line.slice(0, colon)).toLowerCase();
  const value = trimSpace(line.slice(colon + 1));
  if (!isToken(name)) throw bad('a header name must be a token', quoteReceived(name));
  if (!isFieldValue(value)) {
    // The value stays out of the log: it may be a secret.
    throw bad(`the value of ${name} must have no control characters`, `${value.length} bytes`);
  }
  return [name, value];
}

function parseStatus(text: string | undefined, location: string | undefined): number {
  if (text === undefined) return location === undefined ? statusMin : statusFound;
  const status = Number(statusPattern.exec(text)?.[1] ?? 0);
  if (isFinalStatus(status)) return status;
  throw bad(`a status must be a number from ${statusMin} to ${statusMax}`, quoteReceived(text));
}

function bad(rule: string, received: string): TerrafirmaError {
  const detail = `Cannot read the answer: its header block: ${rule}: received ${received}`;
  return new TerrafirmaError('bad-reply', detail);
}
