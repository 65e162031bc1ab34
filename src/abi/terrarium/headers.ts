/**
 * Header rules of the Terrarium ABI (its sections on content and on ambiguities A3, A4, A9, A14):
 * what a guest may set, and in which form values reach a guest.
 */

import { isLeftToDaemon } from '../../http/connection-headers.ts';
import type { Header } from '../../http/message.ts';
import type { HeaderMap } from '../objects/headers.ts';

/** What a Rust guest's HeaderValue takes as text; anything else makes it panic. */
const guestValue = /^[\t\x20-\x7e]*$/;
/** What no URI reference may hold (RFC 3986, section 2): a Rust guest panics at it. */
const notInTarget = /[^\x21-\x7e]|["#<>`{}]/gu;
/** Nearly every target: replacing nothing costs more than looking. */
const plainTarget = /^[\x21$-;=?-_a-z|~]*$/;
const notInValue = /[^\t\x20-\x7e]/gu;

/** A value for a guest: bytes outside visible ASCII, space and tab become `%XX`. */
export function encodeValue(value: string): string {
  return guestValue.test(value) ? value : value.replace(notInValue, encodeCharacter);
}

/** A request target for a guest: as received, but for what no URI reference may hold. */
export function encodeTarget(target: string): string {
  return plainTarget.test(target) ? target : target.replace(notInTarget, encodeCharacter);
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

/** The headers a guest sets on one message, bounded and always valid HTTP; in lower case. */
export class GuestHeaders {
  readonly #map: HeaderMap;

  constructor(map: HeaderMap) {
    this.#map = map;
  }

  get index(): HeaderIndex {
    return new Map(this.#map.names().map((name) => [name, this.#map.values(name)]));
  }

  /** Names and values together, in bytes. */
  get byteLength(): number {
    return this.#map.byteLength;
  }

  /**
   * Replaces all values of `name`; no values remove it. Names and values have one character a byte.
   *
   * @throws ObjectError, and changes nothing, when they are no valid HTTP or past the limits
   */
  set(name: string, values: readonly string[]): void {
    const lowerName = name.toLowerCase();
    if (!isLeftToDaemon(lowerName)) this.#map.set(lowerName, values);
  }

  has(lowerName: string): boolean {
    return this.#map.has(lowerName);
  }

  /** One line a value. */
  toLines(): Header[] {
    return this.#map.lines();
  }
}
