/**
 * What one memory held in its first state, without the zeros before and behind: compilers put the
 * stack first, a megabyte of zeros that would be kept for each of a thread's programs.
 */
import { Buffer } from 'node:buffer';
import { pieceBytes, type Steps } from '../../abi/steps.ts';
import type { CardMarks } from './card-table.ts';

const alignBytes = 4096;
const zeros = Buffer.alloc(alignBytes);

export class MemoryImage {
  /** Bytes up to the last that is kept; beyond it the memory is zero. Whole pages. */
  readonly length: number;
  /** Of the first byte that is kept; before it the memory is zero. Whole pages. */
  readonly start: number;
  readonly bytes: Buffer;
  /** Of the pages that are kept, which are not all zero. */
  readonly #used: Uint8Array;

  private constructor(start: number, bytes: Buffer, used: Uint8Array) {
    this.start = start;
    this.bytes = bytes;
    this.length = start + bytes.length;
    this.#used = used;
  }

  /**
   * Of `view`, which ends where the zeros begin. In pieces.
   *
   * @param from So many bytes are known to be zero before all else.
   */
  static *of(view: Buffer, from = 0): Steps<MemoryImage> {
    const start = yield* findStart(view, from);
    const bytes = Buffer.allocUnsafeSlow(view.length - start);
    const used = new Uint8Array(bytes.length / alignBytes);
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const end = Math.min(at + pieceBytes, bytes.length);
      view.copy(bytes, at, start + at, start + end);
      for (let page = at / alignBytes; page < end / alignBytes; page += 1) {
        used[page] = isZero(bytes, page * alignBytes) ? 0 : 1;
      }
      yield;
    }
    return new MemoryImage(start, bytes, used);
  }

  /** Whether `view` holds the same, of the same length; `from` as in `of`. */
  *isSame(view: Buffer, from = 0): Steps<boolean> {
    if (view.length !== this.length || (yield* findStart(view, from)) !== this.start) return false;
    const { bytes, start } = this;
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const end = Math.min(at + pieceBytes, bytes.length);
      if (bytes.compare(view, start + at, start + end, at, end) !== 0) return false;
      yield;
    }
    return true;
  }

  /** Puts the bytes of `target` from `from` to before `to` back to what they were. */
  copyTo(target: Uint8Array, from: number, to: number): void {
    const { start, length } = this;
    if (from < start) target.fill(0, from, Math.min(to, start));
    const first = Math.max(from, start);
    const last = Math.min(to, length);
    if (first < last) this.bytes.copy(target, first, first - start, last - start);
    if (to > length) target.fill(0, Math.max(from, length), to);
  }

  /** Tells `marks` which pages any new instance has written to. */
  touch(marks: CardMarks): void {
    const firstPage = this.start / alignBytes;
    for (let page = 0; page < this.#used.length; page += 1) {
      if (this.#used[page] === 1) marks.touch(firstPage + page, firstPage + page + 1);
    }
  }
}

/**
 * Bytes before the first page that is not all zero. The last one is always kept: an image that is
 * mapped must be as long as its mapping.
 */
function* findStart(view: Buffer, from: number): Steps<number> {
  const last = Math.max(0, view.length - alignBytes);
  for (let at = Math.floor(from / alignBytes) * alignBytes; at < last; at += alignBytes) {
    if (!isZero(view, at)) return at;
    if (at % pieceBytes === 0) yield;
  }
  return last;
}

/** So many bytes, rounded up to whole pages. */
export function toPages(bytes: number): number {
  return Math.ceil(bytes / alignBytes) * alignBytes;
}

function isZero(bytes: Buffer, at: number): boolean {
  return bytes.compare(zeros, 0, alignBytes, at, at + alignBytes) === 0;
}

/** Bytes up to the last that is not zero, rounded up to whole pages, which `memory` consists of. */
export function* usedLength(memory: Buffer): Steps<number> {
  let length = memory.length;
  while (length > 0 && isZero(memory, length - alignBytes)) {
    length -= alignBytes;
    if (length % pieceBytes === 0) yield;
  }
  return length;
}
