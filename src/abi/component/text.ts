/** Strings in the three encodings that guests may choose (CanonicalABI.md, "load_string"). */
import { Buffer } from 'node:buffer';
import type { Crossing } from './crossing.ts';

/** Of `latin1+utf16`: the length is counted in code units of UTF-16. */
const utf16Tag = 0x8000_0000;
/** More no string has, in bytes. */
const textBytesMax = 2 ** 28 - 1;
/** What a string costs beside its characters; see `codecs.ts`. */
const textOverheadBytes = 128;
const latin1Only = /^[\0-\xff]*$/;

/** Traps where it is not in memory, or not in its encoding. */
export function loadText(crossing: Crossing, ptr: number, length: number): string {
  const { memory, encoding } = crossing;
  if (encoding === 'utf8') {
    takeText(crossing, ptr, length);
    return memory.readUtf8(ptr, length, length) ?? crossing.trap(notText('UTF-8'));
  }
  if (encoding === 'utf16') return loadUtf16(crossing, ptr, length);
  crossing.requireAligned(ptr, 2);
  if (length >= utf16Tag) return loadUtf16(crossing, ptr, length - utf16Tag);
  takeText(crossing, ptr, length);
  return memory.readLatin1(ptr, length, length);
}

function loadUtf16(crossing: Crossing, ptr: number, units: number): string {
  crossing.requireAligned(ptr, 2);
  takeText(crossing, ptr, units * 2);
  const text = crossing.memory.readUtf16(ptr, units * 2, units * 2);
  return text.isWellFormed() ? text : crossing.trap(notText('UTF-16'));
}

function takeText(crossing: Crossing, ptr: number, bytes: number): void {
  if (bytes === 0) crossing.requireInside(ptr);
  if (bytes > textBytesMax) {
    crossing.trap(`Cannot take a string: at most ${textBytesMax} bytes: received ${bytes}`);
  }
  crossing.takeBytes(bytes + textOverheadBytes);
}

function notText(encoding: string): string {
  return `Cannot take a string: it must be ${encoding}: received other bytes`;
}

/** Puts it into the guest; its address, and its length as the guest counts it. */
export function storeText(crossing: Crossing, text: string): readonly [number, number] {
  const { encoding } = crossing;
  if (encoding === 'utf8') {
    // Half a surrogate pair becomes U+FFFD in both.
    const length = Buffer.byteLength(text, 'utf8');
    const ptr = crossing.allocate(length, 1);
    // As many bytes as characters: all of them are ASCII.
    if (length === text.length) crossing.memory.writeLatin1(ptr, text);
    else crossing.memory.writeUtf8(ptr, text, length);
    return [ptr, length];
  }
  const sound = text.toWellFormed();
  if (encoding === 'latin1+utf16' && latin1Only.test(sound)) {
    const bytes = Buffer.from(sound, 'latin1');
    return [place(crossing, bytes, 2), bytes.length];
  }
  const bytes = Buffer.from(sound, 'utf16le');
  const tag = encoding === 'utf16' ? 0 : utf16Tag;
  return [place(crossing, bytes, 2), sound.length + tag];
}

function place(crossing: Crossing, bytes: Uint8Array, align: number): number {
  const ptr = crossing.allocate(bytes.length, align);
  crossing.memory.writeBytes(ptr, bytes);
  return ptr;
}
