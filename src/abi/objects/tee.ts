/** One body for two readers. */
import type { Header } from '../../http/message.ts';
import type { SourceBody } from './contents.ts';

/** How far one reader may be ahead of the other: the pieces between them are kept. */
const aheadBytesMax = 128 * 1024;
/** Of pieces, what each weighs beside its bytes. */
const pieceOverheadBytes = 128;

/**
 * Two bodies that both give what `source` gives; nobody may change the pieces. The faster reader
 * waits where it is too far ahead; whoever cancels is waited for no more, and when both do so the
 * source is cancelled.
 */
export function tee(source: SourceBody): [SourceBody, SourceBody] {
  const shared = new Tee(source);
  return [new TeeSide(shared, 0), new TeeSide(shared, 1)];
}

interface Side {
  readonly pieces: Uint8Array[];
  bytes: number;
  isCancelled: boolean;
}

class Tee {
  readonly source: SourceBody;
  readonly #sides: readonly [Side, Side];
  #isAtEnd = false;
  #failure: unknown;
  #reading: Promise<void> | undefined;
  #room: PromiseWithResolvers<void> | undefined;

  constructor(source: SourceBody) {
    this.source = source;
    this.#sides = [newSide(), newSide()];
  }

  async read(number: 0 | 1): Promise<Uint8Array | undefined> {
    const side = this.#sides[number];
    const other = this.#sides[number === 0 ? 1 : 0];
    for (;;) {
      if (side.isCancelled) return undefined;
      const piece = side.pieces.shift();
      if (piece !== undefined) {
        side.bytes -= piece.length + pieceOverheadBytes;
        this.#tellRoom();
        return piece;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#isAtEnd) return undefined;
      if (!other.isCancelled && other.bytes >= aheadBytesMax) await this.#whenRoom();
      else await this.#readOn();
    }
  }

  cancel(number: 0 | 1): void {
    const side = this.#sides[number];
    if (side.isCancelled) return;
    side.isCancelled = true;
    side.pieces.length = 0;
    side.bytes = 0;
    this.#tellRoom();
    if (this.#sides.every(({ isCancelled }) => isCancelled)) this.source.cancel();
  }

  #readOn(): Promise<void> {
    this.#reading ??= this.#readPiece().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readPiece(): Promise<void> {
    try {
      const piece = await this.source.read();
      if (piece === undefined) this.#isAtEnd = true;
      else for (const side of this.#sides) addPiece(side, piece);
    } catch (error) {
      this.#failure = error;
    }
  }

  #whenRoom(): Promise<void> {
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  #tellRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }
}

class TeeSide implements SourceBody {
  readonly #tee: Tee;
  readonly #number: 0 | 1;

  constructor(shared: Tee, number: 0 | 1) {
    this.#tee = shared;
    this.#number = number;
    this.knownBytes = shared.source.knownBytes;
  }

  readonly knownBytes: number | undefined;

  get trailers(): readonly Header[] {
    return this.#tee.source.trailers ?? [];
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#tee.read(this.#number);
  }

  cancel(): void {
    this.#tee.cancel(this.#number);
  }
}

function newSide(): Side {
  return { pieces: [], bytes: 0, isCancelled: false };
}

function addPiece(side: Side, piece: Uint8Array): void {
  if (side.isCancelled) return;
  side.pieces.push(piece);
  side.bytes += piece.length + pieceOverheadBytes;
}
