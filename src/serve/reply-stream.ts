/** The body of an answer that goes to the client in pieces, at the client's pace. */
import { systemClocks } from './clocks.ts';
import type { ExchangeBytes } from './exchange-bytes.ts';
import { PieceSize, pieceBytes, quickPieceBytes } from './piece-size.ts';
import { wholeBytesMax } from './reply-pump.ts';
import type { Wire } from './wire.ts';

export interface ReplyStreamOptions {
  readonly wire: Wire;
  /** Where what the client has not taken is counted. */
  readonly openBytes: () => ExchangeBytes | undefined;
  readonly idleTimeoutMs: number;
  /** How long the body will be, where the client was told. */
  readonly bodyBytes: number | undefined;
}

/** Of an answer that was started, for who brings its pieces and may choose their size. */
export interface PieceTaker {
  /** See `ReplyStream.claimPiece`. */
  claimPiece(): number;
  /** See `Wire.isTaken`. */
  readonly isTaken: boolean;
  /** See `ReplyStream.flushHeadSoon`. */
  flushHeadSoon(): void;
}

export class ReplyStream implements PieceTaker {
  readonly #options: ReplyStreamOptions;
  readonly #size: PieceSize;
  #bytesSent = 0;
  /** On the account, for pieces that are larger than every client gets. */
  #claimedBytes = 0;
  #isStopped = false;
  /** Somebody waits for room. */
  #goOn: (() => void) | undefined;

  constructor(options: ReplyStreamOptions) {
    this.#options = options;
    const { pieceBytesMax = pieceBytes } = options.wire;
    this.#size = new PieceSize({ ...systemClocks, pieceBytesMax });
  }

  get bytesSent(): number {
    return this.#bytesSent;
  }

  /** Whether the client was told of more than it got. */
  get isShort(): boolean {
    return this.#bytesSent < (this.#options.bodyBytes ?? 0);
  }

  get isTaken(): boolean {
    return this.#options.wire.isTaken === true;
  }

  /** Nobody takes any more. */
  stop(): void {
    this.#isStopped = true;
    this.#goOn?.();
  }

  /** There is room for more. */
  drained(): void {
    this.#goOn?.();
  }

  /**
   * How many bytes the next piece should have: more for a client that takes them at once, where
   * its account has room for them.
   */
  claimPiece(): number {
    const { bytes } = this.#size;
    const isLarge = bytes > wholeBytesMax;
    if (isLarge === this.#claimedBytes > 0) return isLarge ? bytes : wholeBytesMax;
    const account = this.#options.openBytes();
    if (!isLarge) {
      account?.removeReply(this.#claimedBytes);
      this.#claimedBytes = 0;
    } else if (account?.tryAddReply(quickPieceBytes) !== false) {
      this.#claimedBytes = quickPieceBytes;
      return bytes;
    }
    return wholeBytesMax;
  }

  /**
   * A promise where there should be no more until it resolves. False, and nothing was sent, where
   * it is more than the client was told: it would be taken for the head of the next answer.
   */
  write(chunk: Uint8Array): Promise<void> | boolean {
    const { bodyBytes } = this.#options;
    if (bodyBytes !== undefined && this.#bytesSent + chunk.length > bodyBytes) return false;
    this.#bytesSent += chunk.length;
    if (chunk.length > wholeBytesMax) return this.#writePieces(chunk);
    return this.#writeOne(chunk) || this.#drained();
  }

  /** The head leaves with the first piece; where that is long in coming, without it. */
  flushHeadSoon(): void {
    setImmediate(() => {
      if (this.#bytesSent === 0 && !this.#isStopped) this.#options.wire.flushHead();
    });
  }

  /** Each piece has the idle limit to be taken, which makes a least rate. */
  async #writePieces(chunk: Uint8Array): Promise<void> {
    const isClaimed = chunk.length <= this.#claimedBytes;
    const account = isClaimed ? undefined : this.#options.openBytes();
    account?.addReply(chunk.length);
    try {
      for (let start = 0; start < chunk.length; ) {
        if (this.#isStopped) return;
        const end = start + this.#size.bytes;
        if (!this.#writeOne(chunk.subarray(start, end))) await this.#drained();
        start = end;
      }
    } finally {
      account?.removeReply(chunk.length);
    }
  }

  /** False where the client should take some first. */
  #writeOne(piece: Uint8Array): boolean {
    const { wire } = this.#options;
    if (!wire.write(piece)) return false;
    if (piece.length >= this.#size.bytes && wire.isTaken === true) this.#size.grow();
    return true;
  }

  async #drained(): Promise<void> {
    this.#size.pause();
    await this.#room();
    this.#size.goOn();
  }

  /** A client that takes nothing for so long is cut off. */
  #room(): Promise<void> {
    const { idleTimeoutMs, wire } = this.#options;
    return new Promise((resolve) => {
      const timer = setTimeout(() => wire.destroy(), idleTimeoutMs);
      this.#goOn = () => {
        clearTimeout(timer);
        this.#goOn = undefined;
        resolve();
      };
    });
  }
}
