/**
 * What a body holds, in order: bytes that are here, and bodies that are still to come. A body that
 * was taken in from elsewhere is never copied: its pieces go straight to whoever reads.
 */
import { Buffer } from 'node:buffer';
import { noBytes, type ReadBody } from '../../http/body.ts';
import type { Header } from '../../http/message.ts';
import { BegunSource } from './begun-source.ts';
import type { HeldForRun } from './held-for-run.ts';
import { ObjectError } from './object-error.ts';
import { adjoined, alone } from './piece-bytes.ts';

type Part = Uint8Array | SourceBody;

/** A body from outside; replies of servers have trailers, too. */
export interface SourceBody extends ReadBody {
  readonly trailers?: readonly Header[] | undefined;
  /** Known to have nothing, trailers neither: nobody waits to be told so. Left out: not known. */
  readonly isEmpty?: boolean;
}

/** What a piece weighs beside its bytes: pieces of one byte each are bounded, too. */
const pieceOverheadBytes = 128;
/**
 * How much of what is written may wait for a reader before the writer has to: more for one who has
 * taken all of it and waits, because each wait and each waking of the guest costs.
 */
const windowBytesMin = 64 * 1024;
const windowBytesMax = 256 * 1024;
/** Each is a handle less, but not a list without end. */
const sourcesMax = 1_000;
/**
 * Where there are so many parts, small pieces are joined to larger ones. They lie in allocations
 * that many share (`GuestMemory.readBytesPooled`): with a byte of each a body would keep them all.
 */
const partsUnjoinedMax = 4;
const joinedPieceBytesMax = 16 * 1024;
const joinedBytesMax = 64 * 1024;
const joinedBytesMin = 256;

export class BodyContents implements ReadBody {
  readonly #held: HeldForRun;
  #parts: Part[] = [];
  /** The last part, where it was joined from others, and the allocation that it begins. */
  #joined: { readonly part: Uint8Array; readonly room: Uint8Array } | undefined;
  #waitingBytes = 0;
  /** Of these, what was here before the transfer began: it keeps nobody from writing on. */
  #earlyBytes = 0;
  /** More may still be added while somebody reads. */
  #isOpen = false;
  #isCancelled = false;
  #failure: Error | undefined;
  #trailers: Header[] = [];
  #onMore: PromiseWithResolvers<void> | undefined;
  /** A source is being read: one call at a time. */
  #reading: Promise<unknown> | undefined;
  #room: PromiseWithResolvers<void> | undefined;
  #windowBytes = windowBytesMin;
  /** The reader has waited since the writer was last woken. */
  #hasReaderWaited = false;

  constructor(held: HeldForRun) {
    this.#held = held;
  }

  /** Undefined while more may come, or where a part does not say. */
  get knownBytes(): number | undefined {
    // HTTP/1.1 has no place for trailers where the length was said (RFC 9112, section 7.1).
    if (this.#isOpen || this.#trailers.length > 0) return undefined;
    let bytes = 0;
    for (const part of this.#parts) {
      const partBytes = part instanceof Uint8Array ? part.length : part.knownBytes;
      if (partBytes === undefined) return undefined;
      bytes += partBytes;
    }
    return bytes;
  }

  get heldBytes(): number {
    return this.#waitingBytes;
  }

  /** Own ones, and those of sources that were read to their end. */
  get trailers(): readonly Header[] {
    return this.#trailers;
  }

  /** Whether nothing is left and nothing will come. */
  get isAtEnd(): boolean {
    return this.#isCancelled || (this.#parts.length === 0 && !this.#isOpen);
  }

  /** Whether `take` has an answer now: bytes, the end, or why the body broke off. */
  get isReady(): boolean {
    return this.isAtEnd || this.#failure !== undefined || this.#parts[0] instanceof Uint8Array;
  }

  /** Bytes that `take` could give at once; 0 at the end, undefined where one must wait. */
  get readyBytes(): number | undefined {
    const [part] = this.#parts;
    if (this.#failure === undefined && part instanceof Uint8Array) return part.length;
    return this.isReady ? 0 : undefined;
  }

  /** Why the body broke off. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Whether nobody reads any more. */
  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** Whether adding is welcome. */
  get hasRoom(): boolean {
    return this.#waitingBytes - this.#earlyBytes < this.#windowBytes;
  }

  /** Adds bytes, which it owns from here on. @throws ObjectError `limit`, `memory` */
  addBytes(bytes: Uint8Array, end: 'back' | 'front'): void {
    if (bytes.length === 0 || this.#isCancelled) return;
    this.#held.hold(bytes.length + pieceOverheadBytes);
    this.#waitingBytes += bytes.length + pieceOverheadBytes;
    if (end === 'back') this.#push(bytes);
    else this.#parts.unshift(alone(bytes));
    this.#tellMore();
  }

  /** Adds a body at the end; it is cancelled where nobody wants it. @throws ObjectError `limit` */
  addSource(source: SourceBody): void {
    if (source.isEmpty === true) return;
    if (this.#isCancelled) {
      source.cancel();
      return;
    }
    if (this.#parts.length >= sourcesMax) {
      const message = `Cannot append: a body has at most ${sourcesMax} parts: received one more`;
      throw new ObjectError('limit', message);
    }
    this.#parts.push(source);
    this.#tellMore();
  }

  addTrailers(trailers: readonly Header[]): void {
    this.#trailers.push(...trailers);
  }

  /** From here on a reader waits for more where there is nothing, until `close` or `fail`. */
  open(): void {
    this.#isOpen = true;
    this.#earlyBytes = this.#waitingBytes;
  }

  close(): void {
    this.#isOpen = false;
    this.#tellMore();
  }

  fail(error: Error): void {
    if (this.isAtEnd) return;
    this.#failure = error;
    this.#isOpen = false;
    this.#drop();
    this.#tellMore();
  }

  /** Resolves when adding is welcome again; also where nobody reads any more. Undefined: now. */
  whenRoom(): Promise<void> | undefined {
    if (this.hasRoom || this.#isCancelled) return undefined;
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  /**
   * The next bytes, at most so many; empty at the end, undefined where they must be waited for.
   *
   * @throws what broke the body off
   */
  take(bytesMax: number): Uint8Array | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    const [part] = this.#parts;
    if (!(part instanceof Uint8Array)) return this.isAtEnd ? new Uint8Array(0) : undefined;
    if (this.#parts.length === 1) this.#joined = undefined;
    if (part.length <= bytesMax) {
      this.#parts.shift();
      this.#release(part.length + pieceOverheadBytes);
      return part;
    }
    this.#parts[0] = alone(part.subarray(bytesMax));
    this.#release(bytesMax);
    return part.subarray(0, bytesMax);
  }

  /** Resolves when `isReady`; never rejects. */
  async whenReady(): Promise<void> {
    while (!this.isReady) {
      const [part] = this.#parts;
      if (this.#reading !== undefined) await this.#reading;
      else if (part === undefined) await this.#more();
      else if (!(part instanceof Uint8Array)) await this.#fill(part);
    }
  }

  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.isAtEnd) return undefined;
      const [part] = this.#parts;
      if (this.#reading !== undefined) await this.#reading;
      else if (part === undefined) await this.#more();
      else if (part instanceof Uint8Array) return this.take(part.length);
      else {
        const piece = await this.#readSource(part);
        if (piece !== undefined) return this.#isCancelled ? undefined : piece;
      }
    }
  }

  cancel(): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#drop();
    this.#tellMore();
  }

  /** Takes in what `other` has; what was held for it stays so. @throws ObjectError `limit` */
  takeFrom(other: BodyContents): void {
    if (other.#reading !== undefined) {
      // A piece is on its way to it, and comes before what is left.
      const { knownBytes } = other;
      this.addSource(knownBytes === undefined ? other : new BegunSource(other, knownBytes));
      return;
    }
    if (this.#parts.length + other.#parts.length > sourcesMax) {
      const message = `Cannot append: a body has at most ${sourcesMax} parts: received more`;
      throw new ObjectError('limit', message);
    }
    const { waitingBytes, parts } = other.#handOver();
    this.#trailers.push(...other.#trailers.splice(0));
    if (this.#isCancelled) {
      this.#held.release(waitingBytes);
      for (const part of parts) if (!(part instanceof Uint8Array)) part.cancel();
      return;
    }
    this.#waitingBytes += waitingBytes;
    for (const part of parts) {
      if (part instanceof Uint8Array) this.#push(part);
      else this.#parts.push(part);
    }
    this.#tellMore();
  }

  /** The one body it consists of, which nobody reads from: passed on as it is. */
  get onlySource(): SourceBody | undefined {
    const [part, ...more] = this.#parts;
    if (this.#reading !== undefined || this.#isOpen) return undefined;
    if (more.length > 0 || this.#trailers.length > 0) return undefined;
    return part instanceof Uint8Array ? undefined : part;
  }

  /** All of it, where all of it is here; then it is empty. */
  takeWhole(): Uint8Array | undefined {
    const bytes: Uint8Array[] = [];
    const isRead = this.#isOpen || this.#reading !== undefined;
    if (isRead || this.#failure !== undefined) return undefined;
    for (const part of this.#parts) {
      const whole = part instanceof Uint8Array ? part : part.whole;
      if (whole === undefined) return undefined;
      bytes.push(whole);
    }
    this.#drop();
    const [only = noBytes] = bytes;
    return bytes.length <= 1 ? only : Buffer.concat(bytes);
  }

  /** Adds a piece that is held, as a part of its own or joined to the last one. */
  #push(bytes: Uint8Array): void {
    const last = this.#parts.at(-1);
    const whole =
      last instanceof Uint8Array ? (adjoined(last, bytes) ?? this.#join(last, bytes)) : undefined;
    if (whole === undefined) {
      this.#parts.push(bytes);
      return;
    }
    this.#parts[this.#parts.length - 1] = whole;
    this.#waitingBytes -= pieceOverheadBytes;
    this.#held.release(pieceOverheadBytes);
  }

  /** Both in one room, where they are small and there are many. */
  #join(last: Uint8Array, bytes: Uint8Array): Uint8Array | undefined {
    const isSmall = this.#parts.length >= partsUnjoinedMax && bytes.length <= joinedPieceBytesMax;
    if (!isSmall || last.length + bytes.length > joinedBytesMax) return undefined;
    const length = last.length + bytes.length;
    const known = this.#joined;
    const goesOn = known !== undefined && known.part === last && known.room.length >= length;
    const room = goesOn ? known.room : new Uint8Array(Math.max(joinedBytesMin, 2 * length));
    if (!goesOn) room.set(last);
    room.set(bytes, last.length);
    const part = room.subarray(0, length);
    this.#joined = { part, room };
    return part;
  }

  #handOver(): { readonly parts: readonly Part[]; readonly waitingBytes: number } {
    const handed = { parts: this.#parts, waitingBytes: this.#waitingBytes };
    this.#parts = [];
    this.#joined = undefined;
    this.#waitingBytes = 0;
    return handed;
  }

  /** A piece of a source becomes bytes that are here; never rejects. */
  #fill(source: SourceBody): Promise<void> {
    const filling = this.#fillPiece(source).finally(() => {
      this.#reading = undefined;
    });
    this.#reading = filling;
    return filling;
  }

  async #fillPiece(source: SourceBody): Promise<void> {
    try {
      const piece = await source.read();
      if (piece === undefined) this.#finish(source);
      else {
        this.#noteBegun(source, piece);
        this.addBytes(piece, 'front');
      }
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Its next piece, for the reader alone; at its end it is taken off. */
  async #readSource(source: SourceBody): Promise<Uint8Array | undefined> {
    const piece = source.read();
    this.#reading = piece.then(
      () => undefined,
      () => undefined,
    );
    try {
      const read = await piece;
      if (read === undefined) this.#finish(source);
      else this.#noteBegun(source, read);
      return read;
    } finally {
      this.#reading = undefined;
    }
  }

  /** From here on its length is that of the rest. */
  #noteBegun(source: SourceBody, piece: Uint8Array): void {
    const place = this.#parts.indexOf(source);
    const { knownBytes } = source;
    if (knownBytes === undefined || place === -1 || source instanceof BegunSource) return;
    this.#parts[place] = new BegunSource(source, Math.max(0, knownBytes - piece.length));
  }

  #finish(source: SourceBody): void {
    this.#trailers.push(...(source.trailers ?? []));
    this.#parts = this.#parts.filter((part) => part !== source);
  }

  #drop(): void {
    const parts = this.#parts;
    this.#parts = [];
    this.#joined = undefined;
    for (const part of parts) if (!(part instanceof Uint8Array)) part.cancel();
    this.#release(this.#waitingBytes);
  }

  #release(bytes: number): void {
    this.#waitingBytes -= bytes;
    this.#earlyBytes = Math.max(0, this.#earlyBytes - bytes);
    this.#held.release(bytes);
    // Not before half of the window is free, so that one waking is good for many pieces.
    const isHalfFree = this.#waitingBytes - this.#earlyBytes <= this.#windowBytes / 2;
    const room = this.#room;
    if (room === undefined || !(isHalfFree || this.#isCancelled)) return;
    const next = this.#windowBytes * (this.#hasReaderWaited ? 2 : 0.5);
    this.#windowBytes = Math.min(Math.max(next, windowBytesMin), windowBytesMax);
    this.#hasReaderWaited = false;
    this.#room = undefined;
    room.resolve();
  }

  #more(): Promise<void> {
    this.#hasReaderWaited = true;
    this.#onMore ??= Promise.withResolvers<void>();
    return this.#onMore.promise;
  }

  #tellMore(): void {
    this.#onMore?.resolve();
    this.#onMore = undefined;
  }
}
