/** A growing buffer of module bytes with LEB128 and section framing. */

const utf8 = new TextEncoder();

/** Bytes of `value` as unsigned LEB128. */
export function u32Length(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** Largest number a placeholder can be filled with. */
export const patchedMax = 2 ** 27 - 1;

export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  length = 0;

  constructor(capacity = 1024) {
    this.#bytes = new Uint8Array(capacity);
  }

  #reserve(byteCount: number): void {
    const needed = this.length + byteCount;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown;
  }

  writeByte(byte: number): void {
    if (this.length === this.#bytes.length) this.#reserve(1);
    this.#bytes[this.length++] = byte;
  }

  /** An instruction and its index, or any two bytes of which the second may be a number. */
  writeIndexed(byte: number, index: number): void {
    const at = this.length;
    if (index < 0x80 && at + 2 <= this.#bytes.length) {
      this.#bytes[at] = byte;
      this.#bytes[at + 1] = index;
      this.length = at + 2;
      return;
    }
    this.writeByte(byte);
    this.writeU32(index);
  }

  writeBytes(bytes: ArrayLike<number>): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** A few bytes, one by one: for so few that costs less than a copy. */
  writeFew(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    const target = this.#bytes;
    let at = this.length;
    for (let i = 0; i < bytes.length; i++) target[at++] = bytes[i] ?? 0;
    this.length = at;
  }

  /** Copies source[start, end). Short runs go byte by byte: a view would cost more than they do. */
  copyRange(source: Uint8Array, start: number, end: number): void {
    const byteCount = end - start;
    this.#reserve(byteCount);
    if (byteCount > 48) {
      this.#bytes.set(source.subarray(start, end), this.length);
      this.length += byteCount;
      return;
    }
    const target = this.#bytes;
    let to = this.length;
    for (let from = start; from < end; from++) target[to++] = source[from] ?? 0;
    this.length = to;
  }

  writeU32(value: number): void {
    if (value < 0x80) {
      this.writeByte(value);
      return;
    }
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) this.writeByte((rest % 128) | 0x80);
    this.writeByte(rest);
  }

  /** Signed LEB128 of a number within ±2^52. */
  writeS64(value: number): void {
    let rest = value;
    for (; rest >= 64 && rest < 2 ** 30; rest >>= 7) this.writeByte((rest & 0x7f) | 0x80);
    while (rest < -64 || rest > 63) {
      const low = ((rest % 128) + 128) % 128;
      this.writeByte(low | 0x80);
      rest = (rest - low) / 128;
    }
    this.writeByte(rest & 0x7f);
  }

  /** Room for a signed number up to `patchedMax` that is not known yet; answers where it stands. */
  writePlaceholder(): number {
    const at = this.length;
    for (const byte of [0x80, 0x80, 0x80, 0x00]) this.writeByte(byte);
    return at;
  }

  /** Fills in a placeholder. */
  patch(at: number, value: number): void {
    const bounded = Math.min(value, patchedMax);
    for (let i = 0; i < 3; i++) this.#bytes[at + i] = ((bounded >> (7 * i)) & 0x7f) | 0x80;
    this.#bytes[at + 3] = bounded >> 21;
  }

  writeName(name: string): void {
    const encoded = utf8.encode(name);
    this.writeU32(encoded.length);
    this.writeBytes(encoded);
  }

  /** A section with the contents of `contents`. */
  writeSection(id: number, contents: ByteWriter): void {
    this.writeByte(id);
    this.writeU32(contents.length);
    this.append(contents);
  }

  /** Everything `other` holds. */
  append(other: ByteWriter): void {
    this.writeBytes(other.view());
  }

  clear(): void {
    this.length = 0;
  }

  /** What was written so far; valid until the next write. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.length);
  }

  /** What was written, in a buffer no larger than it. The writer begins anew. */
  finish(): Uint8Array<ArrayBuffer> {
    const isFull = this.length === this.#bytes.length;
    const finished = isFull ? this.#bytes : this.#bytes.slice(0, this.length);
    this.#bytes = new Uint8Array(0);
    this.length = 0;
    return finished;
  }
}
