/** An exchange whose body comes in pieces and whose answer may leave in pieces. */

import type { Exchange } from '../../../../src/abi/abi.ts';
import { type ConnectionFacts, noConnection } from '../../../../src/http/connection-facts.ts';
import type { ReplyHead, RequestHead } from '../../../../src/http/message.ts';

export const defaultRequest: RequestHead = {
  id: 'request-1',
  method: 'GET',
  target: '/dir/hello.wasm',
  scriptName: '/dir/hello.wasm',
  pathInfo: '',
  query: '',
  scheme: 'http',
  authority: 'example.test:8080',
  httpVersion: '1.1',
  headers: [],
  clientAddress: '192.0.2.7',
  clientPort: 4711,
};

export class StreamExchange implements Exchange {
  readonly request: RequestHead;
  connection: ConnectionFacts = noConnection;
  readonly hasBody: boolean;
  isBodyReceived = true;
  readonly isGone = false;
  replyState: Exchange['replyState'] = 'none';
  head: ReplyHead | undefined;
  /** As they left: `send` is one piece. */
  readonly pieces: Uint8Array[] = [];
  redirect: string | undefined;
  isAborted = false;
  taker: Exchange['taker'];
  /** When set, every write waits for it. */
  gate: Promise<void> | undefined;
  readonly #body: Uint8Array[];

  constructor(request: Partial<RequestHead> = {}, body: readonly (string | Uint8Array)[] = []) {
    this.request = { ...defaultRequest, ...request };
    this.#body = body.map((piece) => Buffer.from(piece));
    this.hasBody = body.length > 0;
  }

  get text(): string {
    return Buffer.concat(this.pieces).toString('latin1');
  }

  get headers(): readonly string[] {
    return this.head?.headers.map(([name, value]) => `${name}: ${value}`) ?? [];
  }

  async readBody(): Promise<Uint8Array> {
    return Buffer.concat(this.#body.splice(0));
  }

  async readChunk(): Promise<Uint8Array | undefined> {
    return this.#body.shift();
  }

  send(head: ReplyHead, body: Uint8Array): void {
    this.start(head);
    this.pieces.push(body);
    this.end();
  }

  start(head: ReplyHead): void {
    this.#require('none');
    this.replyState = 'started';
    this.head = head;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#require('started');
    this.pieces.push(chunk);
    await this.gate;
  }

  inform(): boolean {
    return false;
  }

  sendPiped(): void {
    throw new Error('Cannot pipe: nothing is fetched here');
  }

  sendLater(): void {
    this.sendPiped();
  }

  async pipe(): Promise<void> {
    this.sendPiped();
  }

  end(): void {
    this.#require('started');
    this.replyState = 'ended';
  }

  abort(): void {
    this.replyState = 'ended';
    this.isAborted = true;
  }

  redirectInside(target: string): void {
    this.#require('none');
    this.redirect = target;
  }

  onGone(): void {
    throw new Error('Cannot listen: that is for the engine');
  }

  #require(state: Exchange['replyState']): void {
    if (this.replyState !== state) throw new Error(`Cannot: it is ${this.replyState}`);
  }
}
