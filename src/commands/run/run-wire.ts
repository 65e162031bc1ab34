/** The wire of a request that nobody sent over a network: its body is here, its answer is told. */
import { Readable } from 'node:stream';
import { type ConnectionFacts, noConnection } from '../../http/connection-facts.ts';
import type { Header } from '../../http/message.ts';
import type { Wire, WireListener } from '../../serve/wire.ts';
import type { ReplyMessage } from './messages.ts';

export interface RunWireOptions {
  readonly body: Uint8Array;
  readonly headerNames: readonly string[];
  readonly tell: (message: ReplyMessage) => void;
}

export class RunWire implements Wire {
  listener: WireListener | undefined;
  readonly body: Readable;
  readonly givesBodyAway = false;
  readonly hasBody: boolean;
  readonly rawTrailers = [];
  readonly declaredBytes: number;
  readonly isReceived = true;
  readonly #options: RunWireOptions;
  #isFinished = false;
  #isClosed = false;

  constructor(options: RunWireOptions) {
    const { body } = options;
    this.#options = options;
    this.hasBody = body.length > 0;
    this.declaredBytes = body.length;
    this.body = Readable.from(this.hasBody ? [body] : []);
  }

  get isFinished(): boolean {
    return this.#isFinished;
  }

  factsFor(): ConnectionFacts {
    return { ...noConnection, headerNames: this.#options.headerNames };
  }

  sendContinue(): void {
    // The body is here.
  }

  /** Nobody waits on a slow line: the answer alone is shown. */
  sendInterim(): boolean {
    return false;
  }

  sendWhole(status: number, headers: string[], body: Uint8Array | undefined): void {
    this.sendHead(status, headers);
    if (body !== undefined && body.length > 0) this.write(body);
    this.end();
  }

  sendHead(status: number, flat: readonly string[]): void {
    const headers: Header[] = [];
    for (let at = 0; at < flat.length; at += 2) headers.push([flat[at] ?? '', flat[at + 1] ?? '']);
    this.#options.tell({ kind: 'head', head: { status, headers } });
  }

  flushHead(): void {
    // It has been told.
  }

  write(chunk: Uint8Array): boolean {
    this.#options.tell({ kind: 'chunk', chunk });
    return true;
  }

  end(): void {
    this.#isFinished = true;
    this.#close();
  }

  keepBody(): void {
    // It is here.
  }

  leaveBody(): void {
    // It is here.
  }

  closed(): void {
    // Nothing is limited.
  }

  destroy(): void {
    this.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.listener?.wireClosed();
  }
}
