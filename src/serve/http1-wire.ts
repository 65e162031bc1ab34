/** One request and its answer over node:http. Touches the connection's socket, through node. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Departure, ReplyBatch } from './reply-batch.ts';
import type { Wire } from './wire.ts';

export interface Http1WireOptions {
  readonly replyIdleTimeoutMs: number;
  readonly batch: ReplyBatch;
}

/**
 * Up to this size a body is turned into a string, which node sends in one buffer together with
 * the head; a body of its own costs a quarter of the thread (measured, docs/rationale.md).
 */
const ONE_WRITE_BYTES_MAX = 16 * 1024;

export class Http1Wire implements Wire, Departure {
  readonly body: IncomingMessage;
  readonly events: ServerResponse;
  readonly hasBody: boolean;
  readonly #options: Http1WireOptions;
  #whole: Uint8Array | undefined;

  constructor(incoming: IncomingMessage, response: ServerResponse, options: Http1WireOptions) {
    this.#options = options;
    this.body = incoming;
    this.events = response;
    const length = incoming.headers['content-length'];
    const encoding = incoming.headers['transfer-encoding'];
    this.hasBody = encoding !== undefined || (length !== undefined && length !== '0');
  }

  get declaredBytes(): number {
    return Number(this.body.headers['content-length'] ?? 0);
  }

  get isReceived(): boolean {
    return this.body.complete;
  }

  get isFinished(): boolean {
    return this.events.writableFinished;
  }

  sendContinue(): void {
    // After the head of the answer it would stand in the middle of the body.
    if (this.body.headers.expect === undefined || this.events.headersSent) return;
    this.events.writeContinue();
  }

  sendWhole(status: number, headers: string[], body: Uint8Array | undefined): void {
    // Here and not later, because it throws for what is no valid head.
    this.events.writeHead(status, headers);
    this.#whole = body;
    this.#options.batch.add(this);
  }

  depart(): void {
    const body = this.#whole;
    this.#whole = undefined;
    if (body === undefined || body.length === 0) this.events.end();
    else if (body.length <= ONE_WRITE_BYTES_MAX) this.events.end(latin1(body), 'latin1');
    else this.events.end(body);
    this.#limitTaking();
  }

  sendHead(status: number, headers: string[]): void {
    this.events.writeHead(status, headers);
  }

  write(chunk: Uint8Array): boolean {
    return this.events.write(chunk);
  }

  end(): void {
    this.events.end();
    this.#limitTaking();
  }

  /**
   * A client that takes nothing would keep the answer in our memory for as long as it likes. Node
   * resets the time-out whenever some of it was taken, and again after the answer.
   */
  #limitTaking(): void {
    if ((this.events.socket?.writableLength ?? 0) === 0) return;
    this.events.setTimeout(this.#options.replyIdleTimeoutMs, () => this.events.destroy());
  }

  closeWhenSent(): void {
    this.events.once('finish', () => this.body.socket.destroySoon());
  }

  destroy(): void {
    this.events.destroy();
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
