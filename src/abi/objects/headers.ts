/**
 * The fields of one message as a guest writes and reads them: in their order, as often as they
 * stand there, and in the case they were given. Names are compared in lower case (RFC 9110, 5.1).
 */
import { inBytes } from '../../amounts.ts';
import { isFieldValue } from '../../http/fields.ts';
import type { Header } from '../../http/message.ts';
import { isToken } from '../../http/token.ts';
import { ObjectError } from './object-error.ts';

export interface HeaderLimits {
  /** Header lines; several values of one name are several lines. */
  readonly linesMax: number;
  /** Names and values together, in bytes. */
  readonly bytesMax: number;
}

/** Thousands of messages may have hundreds of empty lines each. */
const lineOverheadBytes = 64;

/** What a line counts for in memory. */
export function heldBytesOfLine(name: string, value: string): number {
  return name.length + value.length + lineOverheadBytes;
}

interface Line {
  readonly name: string;
  readonly lowerName: string;
  readonly value: string;
}

export class HeaderMap {
  readonly #limits: HeaderLimits;
  #lines: Line[] = [];
  #bytes = 0;

  constructor(limits: HeaderLimits) {
    this.#limits = limits;
  }

  /**
   * Of a message that has come: what is there counts, and is not looked at again. Lines of names,
   * in lower case, of which `isLeftOut` says so are not there.
   */
  static of(
    headers: readonly Header[],
    limits: HeaderLimits,
    isLeftOut?: (lowerName: string) => boolean,
  ): HeaderMap {
    const map = new HeaderMap(limits);
    for (const [name, value] of headers) {
      const lowerName = name.toLowerCase();
      if (isLeftOut?.(lowerName) === true) continue;
      map.#lines.push({ name, lowerName, value });
      map.#bytes += name.length + value.length;
    }
    return map;
  }

  /** Names and values together, in bytes. */
  get byteLength(): number {
    return this.#bytes;
  }

  /** What they count for in memory: names and values, and what each line is beside them. */
  get heldBytes(): number {
    return this.#bytes + this.#lines.length * lineOverheadBytes;
  }

  get lineCount(): number {
    return this.#lines.length;
  }

  /** Each name once, in lower case, in the order of its first line. */
  names(): readonly string[] {
    return [...new Set(this.#lines.map(({ lowerName }) => lowerName))];
  }

  has(name: string): boolean {
    const lowerName = name.toLowerCase();
    return this.#lines.some((line) => line.lowerName === lowerName);
  }

  /** The name as its first line has it; one without lines as it is. */
  spellingOf(name: string): string {
    const lowerName = name.toLowerCase();
    return this.#lines.find((line) => line.lowerName === lowerName)?.name ?? name;
  }

  /** All values of a name, in order. */
  values(name: string): readonly string[] {
    const lowerName = name.toLowerCase();
    const values: string[] = [];
    for (const line of this.#lines) if (line.lowerName === lowerName) values.push(line.value);
    return values;
  }

  /**
   * Replaces all values of a name; the new ones stand where the first of the old stood. No values
   * remove it.
   *
   * @throws ObjectError `syntax`, `limit`; nothing is changed then.
   */
  set(name: string, values: readonly string[]): void {
    const lowerName = name.toLowerCase();
    const [only] = values;
    if (only !== undefined && values.length === 1 && !this.has(lowerName)) {
      requireSound(name, only);
      this.#push({ name, lowerName, value: only });
      return;
    }
    requireName(name);
    for (const value of values) requireValue(name, value);
    const fresh = values.map((value) => ({ name, lowerName, value }));
    const first = this.#lines.findIndex((line) => line.lowerName === lowerName);
    const others = this.#lines.filter((line) => line.lowerName !== lowerName);
    if (first === -1) others.push(...fresh);
    else others.splice(first, 0, ...fresh);
    this.#replace(name, others);
  }

  /**
   * Before so many values are looked at one by one.
   *
   * @throws ObjectError `limit` where `set` would, however short they are
   */
  requireLines(name: string, count: number): void {
    this.#requireRoom(name, count, 0);
  }

  /** @throws ObjectError `syntax`, `limit`; nothing is changed then. */
  append(name: string, value: string): void {
    requireSound(name, value);
    this.appendSound(name, value);
  }

  /** The same for a token and a value that were looked at. @throws ObjectError `limit` */
  appendSound(name: string, value: string): void {
    this.#push({ name, lowerName: name.toLowerCase(), value });
  }

  /** Whether there was one. */
  remove(name: string): boolean {
    const lowerName = name.toLowerCase();
    const before = this.#lines.length;
    this.#lines = this.#lines.filter((line) => line.lowerName !== lowerName);
    this.#bytes = countBytes(this.#lines);
    return this.#lines.length < before;
  }

  clear(): void {
    this.#lines = [];
    this.#bytes = 0;
  }

  /** In order, names as they were given. */
  lines(): Header[] {
    return this.#lines.map(({ name, value }) => [name, value]);
  }

  linesInLowerCase(): Header[] {
    return this.#lines.map(({ lowerName, value }) => [lowerName, value]);
  }

  /** The same without the lines of names, in lower case, of which `isLeftOut` says so. */
  linesWithout(isLeftOut: (lowerName: string) => boolean): Header[] {
    const lines: Header[] = [];
    for (const { name, lowerName, value } of this.#lines) {
      if (!isLeftOut(lowerName)) lines.push([name, value]);
    }
    return lines;
  }

  /** All of them with names in lower case, without the lines of one. */
  linesBut(lowerName: string): Header[] {
    const lines: Header[] = [];
    for (const line of this.#lines) {
      if (line.lowerName !== lowerName) lines.push([line.lowerName, line.value]);
    }
    return lines;
  }

  copy(): HeaderMap {
    const map = new HeaderMap(this.#limits);
    map.#lines = [...this.#lines];
    map.#bytes = this.#bytes;
    return map;
  }

  #push(line: Line): void {
    const { name, value } = line;
    const bytes = this.#bytes + name.length + value.length;
    this.#requireRoom(name, this.#lines.length + 1, bytes);
    this.#lines.push(line);
    this.#bytes = bytes;
  }

  #replace(name: string, lines: Line[]): void {
    const bytes = countBytes(lines);
    this.#requireRoom(name, lines.length, bytes);
    this.#lines = lines;
    this.#bytes = bytes;
  }

  #requireRoom(name: string, lineCount: number, bytes: number): void {
    const { linesMax, bytesMax } = this.#limits;
    // What makes it smaller is always allowed: a message that came may have had more.
    const grows = lineCount > this.#lines.length || bytes > this.#bytes;
    if (!grows || (lineCount <= linesMax && bytes <= bytesMax)) return;
    const rule = `at most ${linesMax} lines and ${inBytes(bytesMax)}`;
    const received = bytes === 0 ? `${lineCount} lines` : `${lineCount} lines and ${bytes} bytes`;
    throw new ObjectError('limit', `Cannot set the header ${name}: ${rule}: received ${received}`);
  }
}

function requireSound(name: string, value: string): void {
  requireName(name);
  requireValue(name, value);
}

function requireName(name: string): void {
  if (isToken(name)) return;
  const message = 'Cannot set the header: its name must be a token: received another';
  throw new ObjectError('syntax', message);
}

function requireValue(name: string, value: string): void {
  if (isFieldValue(value)) return;
  // The value stays out of the log: it may be a secret.
  const rule = `Cannot set the header ${name}: no control bytes in its value`;
  throw new ObjectError('syntax', `${rule}: received ${value.length} bytes`);
}

function countBytes(lines: readonly Line[]): number {
  let bytes = 0;
  for (const { name, value } of lines) bytes += name.length + value.length;
  return bytes;
}
