/**
 * A body of a cache as one thread sees it: blocks of memory that all threads see, maybe still
 * growing. Many read it, each at its own pace; what they get are copies, which are theirs.
 */
import type { Share } from '../../account/share.ts';
import type { ReadBody } from '../../http/body.ts';
import { CapabilityRefusal } from '../refusal.ts';
import type { BodyState, WireBody } from './messages.ts';

/** A reader gets so much at a time. */
const pieceBytesMax = 64 * 1024;

export interface SharedBodyOptions {
  readonly id: number;
  /** Of the site's owner: what is read stays in memory, also where the cache has given it up. */
  readonly share: Share;
  /** Nobody reads it any more. */
  readonly onUnread: (body: SharedBody) => void;
}

export class SharedBody {
  readonly id: number;
  readonly #options: SharedBodyOptions;
  readonly #blocks: Uint8Array[] = [];
  #bytes = 0;
  #heldBytes = 0;
  #state: BodyState = 'growing';
  /** Of those who read it, or may do so. */
  #users = 0;
  #more: PromiseWithResolvers<void> | undefined;
  /** Where the rest comes from that is not kept, and the one reader who gets it. */
  #rest: ReadBody | undefined;
  #owner: BodyReading | undefined;

  constructor(options: SharedBodyOptions) {
    this.id = options.id;
    this.#options = options;
  }

  /** As far as it is filled. */
  get bytes(): number {
    return this.#bytes;
  }

  get state(): BodyState {
    return this.#state;
  }

  /** Somebody may read it; `leave` in turn. */
  enter(): void {
    this.#users += 1;
  }

  leave(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    this.#charge(0);
    this.#options.onUnread(this);
  }

  /** It has `bytes` now, in these blocks after those before. */
  grow(blocks: readonly SharedArrayBuffer[], bytes: number): void {
    let held = this.#heldBytes;
    for (const block of blocks) {
      this.#blocks.push(new Uint8Array(block));
      held += block.byteLength;
    }
    this.#charge(held);
    this.#bytes = bytes;
    this.#tell();
  }

  /** All of it, as the keeper sends it with an object. */
  catchUp({ blocks, bytes, state }: WireBody): void {
    if (bytes >= this.#bytes) this.grow(blocks.slice(this.#blocks.length), bytes);
    if (state !== 'growing') this.end(state === 'whole');
  }

  end(isWhole: boolean): void {
    if (this.#state !== 'growing') return;
    this.#state = isWhole ? 'whole' : 'broken';
    this.#tell();
  }

  /**
   * No more of it is kept. Whoever has opened it first on this thread, where it is written, gets
   * the rest from where it comes from; for everybody else it breaks off.
   */
  passOn(rest: ReadBody): void {
    const canPass = this.#owner !== undefined && !this.#owner.isOver;
    if (canPass) this.#rest = rest;
    else rest.cancel();
    this.end(false);
  }

  /** Resolves when there are so many bytes, or there will be no more. Never rejects. */
  async whenFilled(bytes: number): Promise<void> {
    while (this.#state === 'growing' && this.#bytes < bytes) {
      this.#more ??= Promise.withResolvers<void>();
      await this.#more.promise;
    }
  }

  /**
   * A reader of the bytes from `from` up to, but not with, `end`; who reads lets go of it in the
   * end, by reading all of it or by `cancel`. `isOwner`: see `passOn`; `isDue`: a body that ends
   * before `end` breaks off.
   *
   * @throws CapabilityRefusal `limit` where memory is short
   */
  open({ end, from, isDue, isOwner }: OpenOptions): BodyReading {
    if (!this.#options.share.allows('bytes', 0)) {
      const rule = 'the sites of one owner may have no larger part of the memory than is left';
      throw new CapabilityRefusal('limit', `Cannot read from the cache: ${rule}: received more`);
    }
    const reading = new BodyReading(this, { from, end, isDue });
    if (isOwner) this.#owner ??= reading;
    return reading;
  }

  /** For its readers: bytes at `at`, empty where there are none yet. */
  copy(at: Place, bytesMax: number): Uint8Array {
    const block = this.#blocks[at.block];
    if (block === undefined) return new Uint8Array(0);
    const filled = Math.min(block.length, at.offset + (this.#bytes - at.position));
    const end = Math.min(filled, at.offset + Math.min(bytesMax, pieceBytesMax));
    const piece = new Uint8Array(Math.max(0, end - at.offset));
    piece.set(block.subarray(at.offset, end));
    return piece;
  }

  /** The place of a byte that is there. */
  placeOf(position: number): Place {
    let block = 0;
    let start = 0;
    for (const { length } of this.#blocks) {
      if (start + length > position) break;
      start += length;
      block += 1;
    }
    return { block, offset: position - start, position };
  }

  blockLength(block: number): number {
    return this.#blocks[block]?.length ?? Number.POSITIVE_INFINITY;
  }

  restFor(reading: BodyReading): ReadBody | undefined {
    return reading === this.#owner ? this.#rest : undefined;
  }

  #charge(heldBytes: number): void {
    this.#options.share.charge('cache', heldBytes - this.#heldBytes);
    this.#heldBytes = heldBytes;
  }

  #tell(): void {
    this.#more?.resolve();
    this.#more = undefined;
  }
}

interface OpenOptions {
  readonly from: number;
  readonly end: number | undefined;
  readonly isDue: boolean;
  readonly isOwner: boolean;
}

interface Place {
  block: number;
  offset: number;
  position: number;
}

export class BodyReading implements ReadBody {
  readonly #body: SharedBody;
  readonly #end: number;
  readonly #from: number;
  readonly #isDue: boolean;
  #at: Place | undefined;
  #isOver = false;

  constructor(body: SharedBody, { end, from, isDue }: Omit<OpenOptions, 'isOwner'>) {
    this.#body = body;
    this.#from = from;
    this.#isDue = isDue;
    this.#end = end ?? Number.POSITIVE_INFINITY;
    body.enter();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get knownBytes(): number | undefined {
    const { bytes, state } = this.#body;
    if (state === 'whole') return Math.max(0, Math.min(bytes, this.#end) - this.#from);
    return Number.isFinite(this.#end) ? this.#end - this.#from : undefined;
  }

  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      if (this.#isOver) return undefined;
      const position = this.#at?.position ?? this.#from;
      if (position >= this.#end) return this.#finish();
      const { bytes, state } = this.#body;
      if (position < bytes) return this.#take(position);
      const rest = this.#body.restFor(this);
      if (rest !== undefined) return this.#readRest(rest);
      if (state === 'whole' && !this.#isDue) return this.#finish();
      if (state !== 'growing') return this.#breakOff(state);
      await this.#body.whenFilled(position + 1);
    }
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#body.restFor(this)?.cancel();
    this.#finish();
  }

  #take(position: number): Uint8Array {
    const at = this.#at ?? this.#body.placeOf(position);
    const piece = this.#body.copy(at, this.#end - position);
    at.offset += piece.length;
    at.position += piece.length;
    if (at.offset === this.#body.blockLength(at.block)) {
      at.block += 1;
      at.offset = 0;
    }
    this.#at = at;
    return piece;
  }

  /** Only of an open of all: ranges are of what is kept. */
  async #readRest(rest: ReadBody): Promise<Uint8Array | undefined> {
    try {
      const piece = await rest.read();
      return piece ?? this.#finish();
    } catch (error) {
      this.#finish();
      throw error;
    }
  }

  #breakOff(state: 'whole' | 'broken'): never {
    this.#finish();
    const is = state === 'whole' ? 'is shorter than the range' : 'was not written to its end';
    throw new Error(`Cannot go on: the object of the cache ${is}`);
  }

  #finish(): undefined {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#body.leave();
  }
}
