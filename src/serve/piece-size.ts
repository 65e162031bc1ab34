/** How large a piece of an answer a client gets next: the more, the sooner it takes them. */

/**
 * Bytes of one write. A connection asks for a pause at 64 KiB, so that some of these can follow
 * each other at once where the system takes them; about two must then be taken within the limit.
 */
export const pieceBytes = 32 * 1024;
/** The same for a client that takes what it gets at once: each write and each pause costs. */
export const quickPieceBytes = 256 * 1024;
/** Who has taken a piece so soon gets a larger one next. */
const quickMs = 100;

export interface PieceSizeOptions {
  /** Milliseconds since some instant. */
  readonly nowMs: () => number;
  /** Pieces never get larger than this. */
  readonly pieceBytesMax: number;
}

export class PieceSize {
  readonly #options: PieceSizeOptions;
  #bytes = pieceBytes;
  #pausedAtMs = 0;

  constructor(options: PieceSizeOptions) {
    this.#options = options;
  }

  /** Of the next piece, at most. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The client is to take some before there is more. */
  pause(): void {
    this.#pausedAtMs = this.#options.nowMs();
  }

  /** It has. */
  goOn(): void {
    if (this.#options.nowMs() - this.#pausedAtMs < quickMs) this.grow();
    else this.#bytes = pieceBytes;
  }

  /** The system had room for all of the last piece. */
  grow(): void {
    this.#bytes = Math.min(2 * this.#bytes, this.#options.pieceBytesMax);
  }
}
