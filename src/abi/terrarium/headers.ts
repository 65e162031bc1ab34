/**
 * Header rules of the Terrarium ABI (its sections on content and on ambiguities A3, A4, A9, A14):
 * what a guest may set, and in which form values reach a guest.
 */

import { inBytes } from '../../amounts.ts';
import { isLeftToDaemon } from '../../http/connection-headers.ts';
import { isFieldValue } from '../../http/fields.ts';
import type { Header } from '../../http/message.ts';
import { isToken } from '../../http/token.ts';
import { Misuse } from './misuse.ts';

export interface HeaderLimits {
  /** Header lines; several values of one name are several lines. */
  readonly linesMax: number;
  /** Names and values together, in bytes. */
  readonly bytesMax: number;
}

/** What a Rust guest's HeaderValue takes as text; anything else makes it panic. */
const guestValue = /^[\t\x20-\x7e]*$/;
/** What no URI reference may hold (RFC 3986, section 2): a Rust guest panics at it. */
const notInTarget = /[^\x21-\x7e]|["#<>`{}]/gu;
const notInValue = /[^\t\x20-\x7e]/gu;

/** A value for a guest: bytes outside visible ASCII, space and tab become `%XX`. */
export function encodeValue(value: string): string {
  return guestValue.test(value) ? value : value.replace(notInValue, encodeCharacter);
}

/** A request target for a guest: as received, but for what no URI reference may hold. */
export function encodeTarget(target: string): string {
  return target.replace(notInTarget, encodeCharacter);
}

function encodeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  // One character is one byte of the wire; above that the text is real Unicode.
  const bytes = code <= 0xff ? [code] : new TextEncoder().encode(character);
  let encoded = '';
  for (const byte of bytes) encoded += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return encoded;
}

/** Lower-case header name → its values in order, in the form that guests may read. */
export type HeaderIndex = ReadonlyMap<string, readonly string[]>;

export function indexHeaders(headers: readonly Header[]): Map<string, string[]> {
  const index = new Map<string, string[]>();
  for (const [name, value] of headers) {
    const lowerName = name.toLowerCase();
    const values = index.get(lowerName);
    if (values === undefined) index.set(lowerName, [encodeValue(value)]);
    else values.push(encodeValue(value));
  }
  return index;
}

/** The headers a guest sets on one message, bounded and always valid HTTP. */
export class GuestHeaders {
  readonly #limits: HeaderLimits;
  readonly #index = new Map<string, readonly string[]>();
  #lines = 0;
  #bytes = 0;

  constructor(limits: HeaderLimits) {
    this.#limits = limits;
  }

  get index(): HeaderIndex {
    return this.#index;
  }

  /** Names and values together, in bytes. */
  get byteLength(): number {
    return this.#bytes;
  }

  /**
   * Replaces all values of `name`; no values remove it. Names and values have one character a
   * byte. Throws Misuse, and changes nothing, when they are no valid HTTP or past the limits.
   */
  set(name: string, values: readonly string[]): void {
    if (!isToken(name)) throw new Misuse('Cannot set the header: its name is not a token', name);
    for (const value of values) {
      if (!isFieldValue(value)) {
        // The value stays out of the log: it may be a secret.
        throw new Misuse(
          `Cannot set the header ${name}: no control bytes in its value`,
          `${value.length} bytes`,
        );
      }
    }
    const lowerName = name.toLowerCase();
    if (isLeftToDaemon(lowerName)) return;
    const before = this.#index.get(lowerName) ?? [];
    const lines = this.#lines - before.length + values.length;
    const bytes = this.#bytes - countBytes(name, before) + countBytes(name, values);
    if (lines > this.#limits.linesMax || bytes > this.#limits.bytesMax) {
      const { linesMax, bytesMax } = this.#limits;
      throw new Misuse(
        `Cannot set the header ${name}: at most ${linesMax} lines and ${inBytes(bytesMax)}`,
        `${lines} lines and ${bytes} bytes`,
      );
    }
    this.#lines = lines;
    this.#bytes = bytes;
    if (values.length === 0) this.#index.delete(lowerName);
    else this.#index.set(lowerName, values);
  }

  has(lowerName: string): boolean {
    return this.#index.has(lowerName);
  }

  /** One line a value. */
  toLines(): Header[] {
    const lines: Header[] = [];
    for (const [name, values] of this.#index) {
      for (const value of values) lines.push([name, value]);
    }
    return lines;
  }
}

function countBytes(name: string, values: readonly string[]): number {
  let bytes = 0;
  for (const value of values) bytes += name.length + value.length;
  return bytes;
}
