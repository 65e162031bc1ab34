/** An exchange whose body arrives when the test says so, and whose answer may go on for long. */
import type { Exchange } from '../../src/abi/abi.ts';
import type { ReadBody } from '../../src/http/body.ts';
import { BodyQueue } from '../../src/http/body-queue.ts';
import { type ConnectionFacts, noConnection } from '../../src/http/connection-facts.ts';
import { isConnection, type LateReply } from '../../src/http/late-reply.ts';
import type { Header, ReplyHead, RequestHead } from '../../src/http/message.ts';

const defaultRequest: RequestHead = {
  id: '4fa1c2d3e4b5-1z',
  method: 'GET',
  target: '/app.wasm/users/1?x=2',
  scriptName: '/app.wasm',
  pathInfo: '/users/1',
  query: 'x=2',
  scheme: 'http',
  authority: 'example.test',
  httpVersion: '1.1',
  headers: [['host', 'example.test']],
  clientAddress: '192.0.2.7',
  clientPort: 4711,
};

export class FastlyExchange implements Exchange {
  readonly request: RequestHead;
  connection: ConnectionFacts = noConnection;
  readonly hasBody: boolean;
  replyState: Exchange['replyState'] = 'none';
  head: ReplyHead | undefined;
  readonly interim: ReplyHead[] = [];
  /** As they left: `send` is one piece. */
  readonly pieces: Uint8Array[] = [];
  /** The test says when the client goes. */
  isGone = false;
  /** Told to the client as its length. */
  knownBytes: number | undefined;
  trailers: readonly Header[] = [];
  /** What comes of the answer's body: resolves at its good end, rejects when it broke off. */
  passed: Promise<void> | undefined;
  /** Of the request's body: what the test pushes. */
  readonly arriving: BodyQueue;

  constructor(request: Partial<RequestHead> = {}, body?: string | 'later') {
    this.request = { ...defaultRequest, ...request };
    this.hasBody = body !== undefined;
    this.arriving = new BodyQueue({ knownBytes: undefined, windowBytesMax: 1 });
    if (body === 'later') return;
    if (body !== undefined && body !== '') this.arriving.push(Buffer.from(body));
    this.arriving.end();
  }

  get isBodyReceived(): boolean {
    return !this.hasBody;
  }

  get bodyTrailers(): readonly Header[] {
    return this.arriving.trailers;
  }

  get text(): string {
    return Buffer.concat(this.pieces).toString('latin1');
  }

  get headers(): readonly string[] {
    return this.head?.headers.map(([name, value]) => `${name}: ${value}`) ?? [];
  }

  async readBody(): Promise<Uint8Array> {
    throw new Error('Cannot read: the body is read in pieces');
  }

  readChunk(): Promise<Uint8Array | undefined> {
    return this.arriving.read();
  }

  inform(head: ReplyHead): boolean {
    this.#require('none');
    this.interim.push(head);
    return true;
  }

  send(head: ReplyHead, body: Uint8Array): void {
    this.#require('none');
    this.head = head;
    this.pieces.push(body);
    this.replyState = 'ended';
  }

  sendPiped(head: ReplyHead, body: ReadBody): void {
    this.#require('none');
    this.head = head;
    this.knownBytes = body.knownBytes;
    this.replyState = 'ended';
    this.passed = this.#pass(body);
    this.passed.catch(() => undefined);
  }

  sendLater(open: (signal: AbortSignal) => Promise<LateReply>): void {
    this.#require('none');
    this.replyState = 'ended';
    this.passed = open(new AbortController().signal).then(({ head, body }) => {
      this.head = head;
      if (isConnection(body)) throw new Error('Cannot take a connection: there is none here');
      return this.#pass(body);
    });
    this.passed.catch(() => undefined);
  }

  start(): void {
    throw new Error('Cannot start: answers are sent, or piped');
  }

  async write(): Promise<void> {
    this.start();
  }

  async pipe(): Promise<void> {
    this.start();
  }

  end(): void {
    this.start();
  }

  abort(): void {
    this.start();
  }

  redirectInside(): void {
    this.start();
  }

  onGone(): void {
    throw new Error('Cannot listen: that is for the engine');
  }

  async #pass(body: ReadBody): Promise<void> {
    for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
      this.pieces.push(piece);
    }
  }

  #require(state: Exchange['replyState']): void {
    if (this.replyState !== state) throw new Error(`Cannot: it is ${this.replyState}`);
  }
}
