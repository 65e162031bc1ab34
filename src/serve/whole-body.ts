/**
 * Puts a body together that comes in pieces. All at once at its end, a body of 4 MiB would hold its
 * thread for some milliseconds, and those of several clients may end in one turn of the event loop.
 * So a large one that says how long it will be is copied as it comes; but not before a good part
 * of it is there, or a thousand clients who declare much and send little would have V8 look for
 * garbage all the time.
 */

import { Buffer } from 'node:buffer';
import { letGo } from '../account/let-go.ts';

/** Smaller ones are copied in no time. */
const largeBytesMin = 256 * 1024;
/** Of what was declared, what must have come. */
const startedShare = 1 / 4;

export class WholeBody {
  readonly #declaredBytes: number;
  readonly #ownsPieces: boolean;
  /** What has come and is not in `#whole`. */
  #pieces: Uint8Array[] = [];
  #whole: Buffer | undefined;
  #copied = 0;
  #length = 0;

  /**
   * @param declaredBytes 0 where the client does not say.
   * @param options `ownsPieces`: nobody else looks at them once they are copied.
   */
  constructor(declaredBytes: number, options: { readonly ownsPieces: boolean }) {
    this.#declaredBytes = declaredBytes;
    this.#ownsPieces = options.ownsPieces;
  }

  /** Bytes that have come. */
  get length(): number {
    return this.#length;
  }

  /** Nobody changes `piece` from here on. */
  add(piece: Uint8Array): void {
    this.#length += piece.length;
    if (this.#whole === undefined) {
      this.#pieces.push(piece);
      if (this.#isWellUnderWay()) this.#gather();
    } else this.#copy(piece);
  }

  /** All of it. */
  finish(): Uint8Array {
    const [only] = this.#pieces;
    const whole = this.#whole?.subarray(0, this.#copied);
    if (whole === undefined && this.#pieces.length === 1 && only !== undefined) return only;
    if (whole !== undefined && this.#pieces.length === 0) return whole;
    const pieces = whole === undefined ? this.#pieces : [whole, ...this.#pieces];
    const all = Buffer.concat(pieces);
    if (this.#ownsPieces) for (const piece of pieces) letGo(piece);
    return all;
  }

  #isWellUnderWay(): boolean {
    const declared = this.#declaredBytes;
    if (declared < largeBytesMin || this.#length >= declared) return false;
    return this.#length >= declared * startedShare;
  }

  #gather(): void {
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#whole = Buffer.allocUnsafeSlow(this.#declaredBytes);
    for (const piece of pieces) this.#copy(piece);
  }

  #copy(piece: Uint8Array): void {
    const whole = this.#whole;
    const room = this.#pieces.length > 0 ? 0 : (whole?.length ?? 0) - this.#copied;
    // More than was declared, which the protocol should not let through; then the rest, too.
    if (whole === undefined || piece.length > room) {
      this.#pieces.push(piece);
      return;
    }
    whole.set(piece, this.#copied);
    this.#copied += piece.length;
    if (this.#ownsPieces) letGo(piece);
  }
}
