/**
 * A body between who has its pieces and who reads them: a short queue that says when it is full.
 * Pure; it owns every piece until it is read.
 */
import type { ReadBody } from './body.ts';
import type { Header } from './message.ts';

/** What a piece weighs beside its bytes: pieces of one byte each are bounded, too. */
const pieceOverheadBytes = 128;

export interface BodyQueueOptions {
  readonly knownBytes?: number | undefined;
  /** So much may wait to be read; one piece more fits where there is still room. */
  readonly windowBytesMax: number;
  /** What was pushed has been read, or dropped: with its overhead. */
  readonly onTaken?: (bytes: number) => void;
  /** Pushing is welcome again after `push` said that it was not. */
  readonly onRoom?: () => void;
  /** The reader wants no more, although there is more. */
  readonly onCancel?: () => void;
  /** Called once, when the reader has all, or nothing more can be read. */
  readonly onDone?: () => void;
}

type End =
  | { readonly kind: 'ended'; readonly trailers: readonly Header[] }
  | { readonly kind: 'failed'; readonly error: Error }
  | { readonly kind: 'cancelled' };

interface Reader {
  readonly resolve: (piece: Uint8Array | undefined) => void;
  readonly reject: (error: Error) => void;
}

export class BodyQueue implements ReadBody {
  readonly knownBytes: number | undefined;
  readonly #options: BodyQueueOptions;
  readonly #pieces: Uint8Array[] = [];
  #first = 0;
  #heldBytes = 0;
  #end: End | undefined;
  #reader: Reader | undefined;
  #isFull = false;
  #isDone = false;

  constructor(options: BodyQueueOptions) {
    this.#options = options;
    this.knownBytes = options.knownBytes;
  }

  /** What `push` would count for a piece. */
  static weigh(piece: Uint8Array): number {
    return piece.length + pieceOverheadBytes;
  }

  /** Fields after the body; none before it was read to its end. */
  get trailers(): readonly Header[] {
    return this.#isDone && this.#end?.kind === 'ended' ? this.#end.trailers : [];
  }

  /** Whether nothing will be pushed or read any more, well or not. */
  get isOver(): boolean {
    return this.#end !== undefined;
  }

  /** Whether `push` is welcome. */
  get hasRoom(): boolean {
    return this.#heldBytes < this.#options.windowBytesMax;
  }

  /** Adds a piece, empty ones are dropped. False where there should be no more until `onRoom`. */
  push(piece: Uint8Array): boolean {
    if (this.#end !== undefined) return true;
    if (piece.length === 0) return this.hasRoom;
    const reader = this.#reader;
    if (reader !== undefined) {
      this.#reader = undefined;
      this.#options.onTaken?.(BodyQueue.weigh(piece));
      reader.resolve(piece);
      return true;
    }
    this.#pieces.push(piece);
    this.#heldBytes += BodyQueue.weigh(piece);
    this.#isFull = !this.hasRoom;
    return !this.#isFull;
  }

  /** The body is whole. */
  end(trailers: readonly Header[] = []): void {
    if (this.#end !== undefined) return;
    this.#end = { kind: 'ended', trailers };
    this.#takeReader()?.resolve(undefined);
    if (this.#heldBytes === 0) this.#finish();
  }

  /** The body breaks off: what waits is dropped, so that nobody takes a part for the whole. */
  fail(error: Error): void {
    if (this.#isDone) return;
    this.#end = { kind: 'failed', error };
    this.#drop();
    this.#takeReader()?.reject(error);
    this.#finish();
  }

  read(): Promise<Uint8Array | undefined> {
    const piece = this.#takePiece();
    if (piece !== undefined) return Promise.resolve(piece);
    const end = this.#end;
    if (end?.kind === 'failed') return Promise.reject(end.error);
    if (end !== undefined) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
    });
  }

  cancel(): void {
    if (this.#isDone) return;
    const wasOver = this.#end !== undefined;
    this.#end ??= { kind: 'cancelled' };
    this.#drop();
    this.#takeReader()?.resolve(undefined);
    this.#finish();
    if (!wasOver) this.#options.onCancel?.();
  }

  #takePiece(): Uint8Array | undefined {
    const piece = this.#pieces[this.#first];
    if (piece === undefined) return undefined;
    this.#first += 1;
    if (this.#first === this.#pieces.length) {
      this.#pieces.length = 0;
      this.#first = 0;
    }
    this.#release(BodyQueue.weigh(piece));
    if (this.#end !== undefined && this.#heldBytes === 0) this.#finish();
    return piece;
  }

  #finish(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#options.onDone?.();
  }

  #drop(): void {
    this.#pieces.length = 0;
    this.#first = 0;
    this.#release(this.#heldBytes);
  }

  #release(bytes: number): void {
    if (bytes === 0) return;
    this.#heldBytes -= bytes;
    this.#options.onTaken?.(bytes);
    if (!this.#isFull || !this.hasRoom) return;
    this.#isFull = false;
    if (this.#end === undefined) this.#options.onRoom?.();
  }

  #takeReader(): Reader | undefined {
    const reader = this.#reader;
    this.#reader = undefined;
    return reader;
  }
}
