/** Numbers and vectors of TLS (RFC 8446, section 3) out of bytes. Pure. */

export class ByteCursor {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** @throws RangeError when there are fewer bytes; so do all below. */
  number(byteCount: number): number {
    let value = 0;
    for (const byte of this.take(byteCount)) value = value * 256 + byte;
    return value;
  }

  take(byteCount: number): Uint8Array {
    const end = this.#at + byteCount;
    if (end > this.#bytes.length) throw new RangeError('the ClientHello ends too early');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  skip(byteCount: number): void {
    this.take(byteCount);
  }

  /** What follows its own length of `lengthBytes`. */
  vector(lengthBytes: number): ByteCursor {
    return new ByteCursor(this.take(this.number(lengthBytes)));
  }

  /** All that is left, as numbers of `byteCount` each. */
  numbers(byteCount: number): readonly number[] {
    const numbers: number[] = [];
    while (!this.isAtEnd) numbers.push(this.number(byteCount));
    return numbers;
  }

  /** All that is left. */
  rest(): Uint8Array {
    return this.take(this.#bytes.length - this.#at);
  }
}
