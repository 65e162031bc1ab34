/** A cursor over module bytes: LEB128, names, and refusals that carry their offset. */
import { TerrafirmaError } from '../../errors.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The refusal every part of src/wasm gives: what is wrong, what was there, and where. */
export function refuseModule(rule: string, received: string, offset: number): TerrafirmaError {
  return new TerrafirmaError(
    'module-refused',
    `Cannot read the module: ${rule}: received ${received} at offset ${offset}`,
  );
}

/** The refusal of a module that is well formed, for what it asks for or is as a whole. */
export function refuseAsked(faults: string): TerrafirmaError {
  return new TerrafirmaError('module-refused', `Cannot accept the module: ${faults}`);
}

export function hexByte(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}

/** Reads forward within [pos, end); reading past the end is refused, never answered by zeros. */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  pos: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.pos = start;
    this.end = end;
  }

  readByte(): number {
    if (this.pos >= this.end) throw this.#refuseEnd();
    return this.bytes[this.pos++] ?? 0;
  }

  peekByte(): number {
    if (this.pos >= this.end) throw this.#refuseEnd();
    return this.bytes[this.pos] ?? 0;
  }

  /** Unsigned LEB128 of at most 32 bits. */
  readU32(): number {
    const first = this.readByte();
    return first < 0x80 ? first : this.#readLongU32(first);
  }

  #readLongU32(first: number): number {
    let value = first & 0x7f;
    for (let shift = 7; ; shift += 7) {
      const byte = this.readByte();
      if (shift === 28 && byte > 0x0f) {
        throw refuseModule('a number has at most 32 bits', hexByte(byte), this.pos - 1);
      }
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  /** Unsigned LEB128 of at most 64 bits, as a double: exact up to 2^53, no smaller above. */
  readU64(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.readByte();
      if (shift === 63 && byte > 1) break;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw refuseModule('a number has at most 64 bits', 'a longer one', this.pos - 1);
  }

  /** Signed LEB128 of 33 bits: block types and heap types. */
  readS33(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.readByte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return byte & 0x40 ? value - 2 ** (shift + 7) : value;
    }
    throw refuseModule('a number has at most 33 bits', 'a longer one', this.pos - 1);
  }

  /** Passes over a LEB128 number of at most `bytesMax` bytes. */
  skipLeb(bytesMax: number): void {
    for (let count = 0; count < bytesMax; count++) {
      if (this.readByte() < 0x80) return;
    }
    throw refuseModule(`a number has at most ${bytesMax} bytes`, 'a longer one', this.pos - 1);
  }

  skip(byteCount: number): void {
    if (byteCount > this.end - this.pos) throw this.#refuseEnd();
    this.pos += byteCount;
  }

  /** A length-prefixed UTF-8 name. */
  readName(): string {
    const length = this.readU32();
    const start = this.pos;
    this.skip(length);
    try {
      return utf8.decode(this.bytes.subarray(start, this.pos));
    } catch {
      throw refuseModule('names are UTF-8', 'other bytes', start);
    }
  }

  /** The element count of a vector whose elements take at least one byte each. */
  readCount(what: string, countMax: number): number {
    const offset = this.pos;
    const count = this.readU32();
    if (count > countMax) {
      throw refuseModule(`at most ${countMax} ${what} are allowed`, `${count}`, offset);
    }
    if (count > this.end - this.pos) {
      throw refuseModule(`${what} must fit their section`, `a count of ${count}`, offset);
    }
    return count;
  }

  #refuseEnd(): TerrafirmaError {
    const rule = this.end === this.bytes.length ? 'the file must be complete' : 'parts must fit';
    return refuseModule(rule, 'its end', this.end);
  }
}
