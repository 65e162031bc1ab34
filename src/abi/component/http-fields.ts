/** `fields` of `wasi:http`: headers and trailers. */

import { Buffer } from 'node:buffer';
import { isFieldValue } from '../../http/fields.ts';
import type { Header } from '../../http/message.ts';
import { isToken } from '../../http/token.ts';
import { type HeaderLimits, HeaderMap, heldBytesOfLine } from '../objects/headers.ts';
import { ObjectError } from '../objects/object-error.ts';
import { CountedResource, counted } from './counted-resource.ts';
import { type HostFunction, prompt } from './functions.ts';
import type { ComponentGuest } from './guest.ts';
import { failed, ok, type Variant } from './results.ts';

/** About the connection, or said elsewhere: guests neither see nor set them. */
const forbidden: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'host',
  'http2-settings',
]);
const forbiddenLengths: ReadonlySet<number> = new Set(
  Array.from(forbidden, ({ length }) => length),
);

/** A name just read is no string that V8 knows: to find it in a set it is looked up twice. */
function isForbiddenName(lowerName: string): boolean {
  return forbiddenLengths.has(lowerName.length) && forbidden.has(lowerName);
}

/** Of `header-error`. */
const invalidSyntax: Variant = { tag: 0, value: undefined };
const isForbidden: Variant = { tag: 1, value: undefined };
const isImmutableError: Variant = { tag: 2, value: undefined };
/** Of 0.3 alone. */
const sizeExceeded: Variant = { tag: 3, value: undefined };

type Entry = readonly [name: string, value: Uint8Array];

export class Fields extends CountedResource {
  readonly map: HeaderMap;
  #isImmutable: boolean;

  constructor(map: HeaderMap, isImmutable = false) {
    super();
    this.map = map;
    this.#isImmutable = isImmutable;
  }

  /** Those of a message that came. */
  static of(headers: readonly Header[], limits: HeaderLimits): Fields {
    return new Fields(HeaderMap.of(headers, limits, isForbiddenName), true);
  }

  get isImmutable(): boolean {
    return this.#isImmutable;
  }

  /** The same, for the guest to have on its own. Traps where its run may not hold as much. */
  copyFor(guest: ComponentGuest, isImmutable = false): Fields {
    return new Fields(this.map.copy(), isImmutable).countedFor(guest);
  }

  /** Traps where its run may not hold as much. */
  countedFor(guest: ComponentGuest): Fields {
    return counted(guest, this, this.map.heldBytes);
  }

  /** They are a message's now. */
  freeze(): void {
    this.#isImmutable = true;
  }

  /** Values, which cross as `list<u8>`. */
  get(name: string): readonly string[] {
    return this.map.values(name);
  }

  /** Names as they came, or were set. */
  entriesAsSent(): Header[] {
    return this.map.lines();
  }

  entries(): Header[] {
    return this.map.linesInLowerCase();
  }
}

export function headerLimitsOf({ run: { limits } }: ComponentGuest): HeaderLimits {
  return { linesMax: limits.headersMax, bytesMax: limits.headerBytesMax };
}

function toText(value: Uint8Array): string {
  const bytes = Buffer.isBuffer(value)
    ? value
    : Buffer.from(value.buffer, value.byteOffset, value.length);
  return bytes.toString('latin1');
}

/** What is wrong with a name, and then with values; undefined: nothing. */
function faultOf(name: string, values: readonly string[] | string): Variant | undefined {
  if (!isToken(name)) return invalidSyntax;
  const lowerName = name.toLowerCase();
  if (isForbiddenName(lowerName)) return isForbidden;
  const isSound = lowerName === 'content-length' ? isLength : isFieldValue;
  const areSound = typeof values === 'string' ? isSound(values) : values.every(isSound);
  return areSound ? undefined : invalidSyntax;
}

function isLength(value: string): boolean {
  return /^\d+$/.test(value);
}

/** What comes of more than a message may have. */
type TooMuch = (guest: ComponentGuest, message: string) => Variant;

/** What changes fields, as both versions have it but for what is too much. */
class FieldChanges {
  readonly #tooMuch: TooMuch;

  constructor(tooMuch: TooMuch) {
    this.#tooMuch = tooMuch;
  }

  fromList(guest: ComponentGuest, entries: readonly Entry[]): Variant {
    const fields = new Fields(new HeaderMap(headerLimitsOf(guest)));
    for (const entry of entries) {
      const appended = this.append(guest, fields, entry);
      if (appended.tag === 0) continue;
      fields.drop();
      return appended;
    }
    return ok(fields);
  }

  set(
    guest: ComponentGuest,
    fields: Fields,
    [name, values]: readonly [string, readonly Uint8Array[]],
  ): Variant {
    const nameFault = faultOf(name, []);
    if (nameFault !== undefined) return failed(nameFault);
    if (fields.isImmutable) return failed(isImmutableError);
    const room = this.#change(guest, fields, () => fields.map.requireLines(name, values.length));
    if (room.tag !== 0) return room;
    const texts = values.map(toText);
    const fault = faultOf(name, texts);
    if (fault !== undefined) return failed(fault);
    const more = texts.reduce((sum, text) => sum + heldBytesOfLine(name, text), 0);
    return this.#change(guest, fields, () => fields.map.set(name, texts), more);
  }

  append(guest: ComponentGuest, fields: Fields, [name, value]: Entry): Variant {
    const text = toText(value);
    const fault = faultOf(name, text);
    if (fault !== undefined) return failed(fault);
    if (fields.isImmutable) return failed(isImmutableError);
    const { map } = fields;
    const append = (): void => map.appendSound(map.spellingOf(name), text);
    return this.#change(guest, fields, append, heldBytesOfLine(name, text));
  }

  /** @param more What it adds at most, in bytes; held before it is done. */
  #change(guest: ComponentGuest, fields: Fields, act: () => void, more = 0): Variant {
    const { held } = guest.run;
    const { map } = fields;
    try {
      fields.count(held, map.heldBytes + more);
      try {
        act();
      } finally {
        fields.count(held, map.heldBytes);
      }
      return ok();
    } catch (error) {
      if (!(error instanceof ObjectError)) throw error;
      return error.problem === 'syntax'
        ? failed(invalidSyntax)
        : this.#tooMuch(guest, error.message);
    }
  }
}

function remove(guest: ComponentGuest, fields: Fields, name: string): Variant {
  const fault = faultOf(name, []);
  if (fault !== undefined) return failed(fault);
  if (fields.isImmutable) return failed(isImmutableError);
  fields.map.remove(name);
  fields.count(guest.run.held, fields.map.heldBytes);
  return ok();
}

function takeOut(guest: ComponentGuest, fields: Fields, name: string): Variant {
  const values = fields.get(name);
  const removed = remove(guest, fields, name);
  return removed.tag === 0 ? ok(values) : removed;
}

function commonFunctions(tooMuch: TooMuch): Readonly<Record<string, HostFunction>> {
  const changes = new FieldChanges(tooMuch);
  return {
    '[constructor]fields': prompt(
      (guest) => () => new Fields(new HeaderMap(headerLimitsOf(guest))),
    ),
    '[static]fields.from-list': prompt(
      (guest) => (entries: readonly Entry[]) => changes.fromList(guest, entries),
    ),
    '[method]fields.get': prompt(() => (fields: Fields, name: string) => fields.get(name)),
    '[method]fields.has': prompt(() => (fields: Fields, name: string) => fields.map.has(name)),
    '[method]fields.set': prompt(
      (guest) => (fields: Fields, name: string, values: readonly Uint8Array[]) =>
        changes.set(guest, fields, [name, values]),
    ),
    '[method]fields.delete': prompt(
      (guest) => (fields: Fields, name: string) => remove(guest, fields, name),
    ),
    '[method]fields.append': prompt(
      (guest) => (fields: Fields, name: string, value: Uint8Array) =>
        changes.append(guest, fields, [name, value]),
    ),
    '[method]fields.clone': prompt((guest) => (fields: Fields) => fields.copyFor(guest)),
  };
}

/** It ends the run, as the interface has no word for it. */
export const fieldFunctions: Readonly<Record<string, HostFunction>> = {
  ...commonFunctions((guest, message) => guest.trap(message)),
  '[method]fields.entries': prompt(() => (fields: Fields) => fields.entries()),
};

/** Of 0.3. */
export const fieldFunctions03: Readonly<Record<string, HostFunction>> = {
  ...commonFunctions(() => failed(sizeExceeded)),
  '[method]fields.get-and-delete': prompt(
    (guest) => (fields: Fields, name: string) => takeOut(guest, fields, name),
  ),
  '[method]fields.copy-all': prompt(() => (fields: Fields) => fields.entriesAsSent()),
};
