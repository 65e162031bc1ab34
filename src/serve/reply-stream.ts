/** The body of an answer that goes to the client in pieces, at the client's pace. */
import type { ExchangeBytes } from './exchange-bytes.ts';
import { pieceBytes, untilDrained, wholeBytesMax } from './reply-pump.ts';
import type { Wire } from './wire.ts';

export interface ReplyStreamOptions {
  readonly wire: Wire;
  /** Where what the client has not taken is counted. */
  readonly openBytes: () => ExchangeBytes | undefined;
  readonly idleTimeoutMs: number;
  /** How long the body will be, where the client was told. */
  readonly bodyBytes: number | undefined;
}

export class ReplyStream {
  readonly #options: ReplyStreamOptions;
  #bytesSent = 0;
  #isStopped = false;

  constructor(options: ReplyStreamOptions) {
    this.#options = options;
  }

  get bytesSent(): number {
    return this.#bytesSent;
  }

  /** Whether the client was told of more than it got. */
  get isShort(): boolean {
    return this.#bytesSent < (this.#options.bodyBytes ?? 0);
  }

  /** Nobody takes any more. */
  stop(): void {
    this.#isStopped = true;
  }

  /**
   * Resolves when there is room for more. False, and nothing was sent, where it is more than the
   * client was told: it would be taken for the head of the next answer.
   */
  async write(chunk: Uint8Array): Promise<boolean> {
    const { wire, bodyBytes } = this.#options;
    if (bodyBytes !== undefined && this.#bytesSent + chunk.length > bodyBytes) return false;
    this.#bytesSent += chunk.length;
    if (chunk.length > wholeBytesMax) await this.#writePieces(chunk);
    else if (!wire.write(chunk)) await this.#drained();
    return true;
  }

  /** The head leaves with the first piece; where that is long in coming, without it. */
  flushHeadSoon(): void {
    setImmediate(() => {
      if (this.#bytesSent === 0 && !this.#isStopped) this.#options.wire.flushHead();
    });
  }

  /** Each piece has the idle limit to be taken, which makes a least rate. */
  async #writePieces(chunk: Uint8Array): Promise<void> {
    const { wire } = this.#options;
    const bytes = this.#options.openBytes();
    bytes?.addReply(chunk.length);
    try {
      for (let start = 0; start < chunk.length; start += pieceBytes) {
        if (this.#isStopped) return;
        if (!wire.write(chunk.subarray(start, start + pieceBytes))) await this.#drained();
      }
    } finally {
      bytes?.removeReply(chunk.length);
    }
  }

  #drained(): Promise<void> {
    return untilDrained(this.#options.wire, this.#options.idleTimeoutMs);
  }
}
