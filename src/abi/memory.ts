/**
 * The host's only way into a guest's linear memory. Raw views exist nowhere else, because each of
 * these has ended a prototype: a view kept over `memory.grow` is detached; a view handed out
 * outlives the run; a write that marks no card brings one visitor's bytes to the next.
 *
 * Pointers and lengths are the guest's: 32 bits, signed as they reach JavaScript, any value. A
 * range that does not lie in memory traps the guest; no other kind of error leaves this class. An
 * empty range touches nothing, so its pointer may be anything (Rust passes dangling ones).
 *
 *   address   0            ptr              ptr + len      byteLength
 *             |────────────|████████████████|──────────────|
 *                          first byte       one past the last: may equal byteLength
 */

import { Buffer, isUtf8 } from 'node:buffer';
import { inBytes } from '../amounts.ts';

export interface GuestMemoryOptions {
  /** Told of every write, before it, in bytes; the engine marks what a restore must put back. */
  readonly onWrite: ((ptr: number, len: number) => void) | undefined;
  /** Ends the run; the reason goes to the log. */
  readonly trap: (reason: string) => never;
  /**
   * Grows by whole pages as the guest's own `memory.grow` would, its limits included; answers the
   * page count before, or -1. Without it the memory itself is asked.
   */
  readonly grow?: ((pages: number) => number) | undefined;
  /**
   * The size in bytes that the guest believes in. An instance that served before may have more:
   * what lies beyond is no part of this run's memory. Without it the memory itself is asked.
   */
  readonly byteLength?: (() => number) | undefined;
}

/** Bytes in a page of linear memory (WebAssembly core, section 4.2.8). */
export const pageBytes = 65_536;

/** So short a text we look at ourselves: node's own way costs as much as forty characters. */
const shortText = 24;
const asciiMax = 0x7f;

/** So few bytes V8 has in its heap, without an allocation beside it of some 190. */
const heapBytesMax = 64;

/** What an access costs beside its bytes, counted in bytes. */
const bytesPerAccess = 64;

export class GuestMemory {
  readonly #memory: WebAssembly.Memory;
  readonly #options: GuestMemoryOptions;
  #touched = 0;
  #buffer: ArrayBuffer;
  #bytes: Buffer;
  #view: DataView;
  /** The guest has at least so many bytes; asked for again where that is not enough. */
  #reach = 0;

  constructor(memory: WebAssembly.Memory, options: GuestMemoryOptions) {
    this.#memory = memory;
    this.#options = options;
    this.#buffer = memory.buffer;
    this.#bytes = Buffer.from(this.#buffer);
    this.#view = new DataView(this.#buffer);
  }

  /** Size of linear memory now as the guest sees it, in bytes. */
  get byteLength(): number {
    this.#refresh();
    this.#reach = this.#options.byteLength?.() ?? this.#bytes.length;
    return this.#reach;
  }

  /** The next run begins, in which the memory may be smaller. */
  forgetSize(): void {
    this.#reach = 0;
  }

  /**
   * What was read and written since it was last asked, in bytes, with some for each access: what
   * the host did for the guest.
   */
  takeTouched(): number {
    const touched = this.#touched;
    this.#touched = 0;
    return touched;
  }

  /** Whether all of `len` bytes at `ptr` lie in memory. */
  holds(ptr: number, len: number): boolean {
    const length = len >>> 0;
    return length === 0 || this.reaches((ptr >>> 0) + length);
  }

  /** Whether memory has at least `bytes`. */
  reaches(bytes: number): boolean {
    return bytes <= this.#reach || bytes <= this.byteLength;
  }

  /** Traps unless `holds`. */
  requireRange(ptr: number, len: number): void {
    this.#touched += bytesPerAccess;
    this.#locate(ptr, len);
  }

  /** A copy of `len` bytes at `ptr`. Traps on a bad range and above `bytesMax`. */
  readBytes(ptr: number, len: number, bytesMax: number): Uint8Array {
    const start = this.#openCapped(ptr, len, bytesMax);
    const length = len >>> 0;
    if (length > heapBytesMax) return new Uint8Array(this.#buffer.slice(start, start + length));
    const copy = new Uint8Array(length);
    this.#bytes.copy(copy, 0, start, start + length);
    return copy;
  }

  /** Copies as many bytes at `ptr` as `target` has room for. Traps on a bad range. */
  readInto(target: Uint8Array, ptr: number): void {
    const start = this.#open(ptr, target.length);
    this.#bytes.copy(target, 0, start, start + target.length);
  }

  /** Copies `len` bytes at `ptr` to `at` in `target`, which has room. Traps on a bad range. */
  copyInto(target: Uint8Array, at: number, ptr: number, len: number): void {
    const start = this.#open(ptr, len);
    if (len > 0) this.#bytes.copy(target, at, start, start + len);
  }

  /**
   * A copy in an allocation that it may share with other small ones: one of its own costs as
   * much as a short hostcall. Never to be posted or lent to anybody who looks at its `buffer`.
   */
  readBytesPooled(ptr: number, len: number, bytesMax: number): Uint8Array {
    const start = this.#openCapped(ptr, len, bytesMax);
    const length = len >>> 0;
    const copy = Buffer.allocUnsafe(length);
    this.#bytes.copy(copy, 0, start, start + length);
    return copy;
  }

  /** UTF-8, each broken sequence as U+FFFD. Traps on a bad range and above `bytesMax`. */
  readUtf8Lossy(ptr: number, len: number, bytesMax: number): string {
    const start = this.#openCapped(ptr, len, bytesMax);
    return this.#bytes.toString('utf8', start, start + (len >>> 0));
  }

  /** UTF-8, or undefined when it is broken. Traps on a bad range and above `bytesMax`. */
  readUtf8(ptr: number, len: number, bytesMax: number): string | undefined {
    const start = this.#openCapped(ptr, len, bytesMax);
    const end = start + (len >>> 0);
    if (end - start <= shortText && this.#isAscii(start, end)) {
      return this.#bytes.toString('latin1', start, end);
    }
    if (!isUtf8(this.#bytes.subarray(start, end))) return undefined;
    return this.#bytes.toString('utf8', start, end);
  }

  /** One character a byte, as bytes stand on the wire of HTTP. Traps like `readUtf8`. */
  readLatin1(ptr: number, len: number, bytesMax: number): string {
    const start = this.#openCapped(ptr, len, bytesMax);
    return this.#bytes.toString('latin1', start, start + (len >>> 0));
  }

  /** UTF-16LE of `len` bytes, an odd last byte ignored. Traps like `readUtf8`. */
  readUtf16(ptr: number, len: number, bytesMax: number): string {
    const start = this.#openCapped(ptr, len, bytesMax);
    return this.#bytes.toString('utf16le', start, start + (len >>> 0));
  }

  /**
   * The length in bytes of the NUL-terminated string at `ptr`, at most `bytesMax`. Looks at no more
   * than that many bytes; traps when memory ends before a NUL or the limit is found.
   */
  measureCString(ptr: number, bytesMax: number): number {
    const start = ptr >>> 0;
    this.#open(start, 1);
    const end = Math.min(start + bytesMax, this.byteLength);
    const length = this.#bytes.subarray(start, end).indexOf(0);
    if (length >= 0) return length;
    if (end - start < bytesMax) return this.#trapRange(start, end - start + 1);
    return bytesMax;
  }

  readU8(ptr: number): number {
    const start = this.#open(ptr, 1);
    return this.#view.getUint8(start);
  }

  readU16(ptr: number): number {
    const start = this.#open(ptr, 2);
    return this.#view.getUint16(start, true);
  }

  readU32(ptr: number): number {
    const start = this.#open(ptr, 4);
    return this.#view.getUint32(start, true);
  }

  readI32(ptr: number): number {
    const start = this.#open(ptr, 4);
    return this.#view.getInt32(start, true);
  }

  readU64(ptr: number): bigint {
    const start = this.#open(ptr, 8);
    return this.#view.getBigUint64(start, true);
  }

  writeU8(ptr: number, value: number): void {
    const start = this.#openForWrite(ptr, 1);
    this.#view.setUint8(start, value);
  }

  /** The value is taken modulo 2^16. */
  writeU16(ptr: number, value: number): void {
    const start = this.#openForWrite(ptr, 2);
    this.#view.setUint16(start, value, true);
  }

  /** Also for i32: the value is taken modulo 2^32. */
  writeU32(ptr: number, value: number): void {
    const start = this.#openForWrite(ptr, 4);
    this.#view.setUint32(start, value, true);
  }

  /** Also for i64: the value is taken modulo 2^64. */
  writeU64(ptr: number, value: bigint): void {
    const start = this.#openForWrite(ptr, 8);
    this.#view.setBigUint64(start, value, true);
  }

  /** `base` and each of `offsets` together, one u32 after another, modulo 2^32. */
  writeAddresses(ptr: number, base: number, offsets: readonly number[]): void {
    const start = this.#openForWrite(ptr, offsets.length * 4);
    for (let at = 0; at < offsets.length; at += 1) {
      this.#view.setUint32(start + at * 4, base + (offsets[at] ?? 0), true);
    }
  }

  writeBytes(ptr: number, bytes: Uint8Array): void {
    const start = this.#openForWrite(ptr, bytes.length);
    if (bytes.length > 0) this.#bytes.set(bytes, start);
  }

  /** One byte a character; characters above U+00FF are the caller's mistake and lose their top. */
  writeLatin1(ptr: number, text: string): void {
    const { length } = text;
    const start = this.#openForWrite(ptr, length);
    if (length > shortText) {
      this.#bytes.write(text, start, 'latin1');
      return;
    }
    for (let at = 0; at < length; at += 1) this.#bytes[start + at] = text.charCodeAt(at);
  }

  /** `len` is what `Buffer.byteLength` says of it. Half a surrogate pair becomes U+FFFD. */
  writeUtf8(ptr: number, text: string, len: number): void {
    const start = this.#openForWrite(ptr, len);
    if (len > 0) this.#bytes.write(text, start, len, 'utf8');
  }

  /** Grows by `pages`: the address of the first new byte, or undefined when it is refused. */
  grow(pages: number): number | undefined {
    const pagesBefore = this.#options.grow?.(pages) ?? this.#growMemory(pages);
    return pagesBefore < 0 ? undefined : pagesBefore * pageBytes;
  }

  #isAscii(start: number, end: number): boolean {
    for (let at = start; at < end; at += 1) if ((this.#bytes[at] ?? 0) > asciiMax) return false;
    return true;
  }

  #growMemory(pages: number): number {
    try {
      return Number(this.#memory.grow(pages));
    } catch (error) {
      // RangeError is how JavaScript spells the -1 of `memory.grow`.
      if (error instanceof RangeError) return -1;
      throw error;
    }
  }

  /** The start of a range that is read or written; see `#locate`. */
  #open(ptr: number, len: number): number {
    this.#touched += (len >>> 0) + bytesPerAccess;
    return this.#locate(ptr, len);
  }

  /** The start of a range that lies in memory; the views are fresh until the guest runs again. */
  #locate(ptr: number, len: number): number {
    this.#refresh();
    const start = ptr >>> 0;
    const length = len >>> 0;
    if (length === 0) return 0;
    const end = start + length;
    if (!this.reaches(end)) this.#trapRange(start, length);
    return start;
  }

  /**
   * Growing detaches the buffer, and the length of a view over it becomes 0: looking at that is
   * much cheaper than asking the memory for its buffer every time.
   */
  #refresh(): void {
    if (this.#bytes.length > 0) return;
    this.#buffer = this.#memory.buffer;
    this.#bytes = Buffer.from(this.#buffer);
    this.#view = new DataView(this.#buffer);
  }

  #openCapped(ptr: number, len: number, bytesMax: number): number {
    const start = this.#open(ptr, len);
    const length = len >>> 0;
    if (length > bytesMax) {
      this.#options.trap(
        `Cannot read from linear memory: at most ${inBytes(bytesMax)} here: received ${length}`,
      );
    }
    return start;
  }

  #openForWrite(ptr: number, len: number): number {
    const start = this.#open(ptr, len);
    if (len > 0) this.#options.onWrite?.(start, len);
    return start;
  }

  #trapRange(start: number, length: number): never {
    return this.#options.trap(
      `Cannot reach into linear memory: it has ${this.byteLength} bytes: ` +
        `received address ${start}, length ${length}`,
    );
  }
}
