/**
 * One request and its answer over node:http. Touches one thing outside: the connection's socket,
 * through node's request and response.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Exchange, ReplyHead, RequestHead } from '../abi/abi.ts';
import { TerrafirmaError } from '../errors.ts';
import { BodyReader } from './body-reader.ts';

export interface ExchangeOptions {
  readonly bodyIdleTimeoutMs: number;
  readonly replyIdleTimeoutMs: number;
}

/**
 * Up to this size a body is turned into a string, which node sends in one buffer together with
 * the head; a body of its own costs a quarter of the thread (measured, docs/rationale.md).
 */
const ONE_WRITE_BYTES_MAX = 16 * 1024;
const REQUEST_ID = 'x-request-id';
const NO_BYTES = new Uint8Array(0);
/** They tell of a body, and a request that was redirected inside has none. */
const BODY_HEADERS = new Set(['content-length', 'content-type', 'content-encoding', 'expect']);

export class HttpExchange implements Exchange {
  #hasBody: boolean;
  readonly #hadBody: boolean;
  #redirectTarget: string | undefined;
  #request: RequestHead;
  readonly #incoming: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #options: ExchangeOptions;
  #replyState: Exchange['replyState'] = 'none';
  #status = 0;
  #onGone: (() => void) | undefined;
  #isGone = false;
  #body: BodyReader | undefined;
  #bytesSent = 0;
  #bytesReceived = 0;

  constructor(
    request: RequestHead,
    node: { readonly incoming: IncomingMessage; readonly response: ServerResponse },
    options: ExchangeOptions,
  ) {
    this.#request = request;
    this.#incoming = node.incoming;
    this.#response = node.response;
    this.#options = options;
    const length = node.incoming.headers['content-length'];
    const encoding = node.incoming.headers['transfer-encoding'];
    this.#hasBody = encoding !== undefined || (length !== undefined && length !== '0');
    this.#hadBody = this.#hasBody;
    node.response.once('close', () => this.#close());
  }

  get request(): RequestHead {
    return this.#request;
  }

  get hasBody(): boolean {
    return this.#hasBody;
  }

  /** The path has been routed: from here on the head says which part of it names the module. */
  enterModule(scriptName: string, pathInfo: string): void {
    this.#request = { ...this.#request, scriptName, pathInfo };
  }

  redirectInside(target: string): void {
    this.#expectState('none', 'redirect');
    this.#redirectTarget = target;
  }

  /**
   * The target that a guest has redirected to, once. The request is then a GET of it without a
   * body; what was not read of the body still ends the connection.
   */
  takeRedirect(): string | undefined {
    const target = this.#redirectTarget;
    this.#redirectTarget = undefined;
    if (target === undefined) return undefined;
    const { method, headers } = this.#request;
    this.#request = {
      ...this.#request,
      method: method === 'HEAD' ? method : 'GET',
      target,
      query: queryOf(target),
      headers: headers.filter(([name]) => !BODY_HEADERS.has(name)),
    };
    this.#hasBody = false;
    return target;
  }

  get replyState(): Exchange['replyState'] {
    return this.#replyState;
  }

  /** Status sent, 0 before any. */
  get status(): number {
    return this.#status;
  }

  get bytesSent(): number {
    return this.#bytesSent;
  }

  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  onGone(listener: (() => void) | undefined): void {
    this.#onGone = listener;
    if (listener !== undefined && this.#isGone) listener();
  }

  async readBody(bodyBytesMax: number): Promise<Uint8Array> {
    if (!this.hasBody) return NO_BYTES;
    const declared = Number(this.#incoming.headers['content-length'] ?? 0);
    if (declared > bodyBytesMax) throw tooLarge(bodyBytesMax, declared);
    const chunks: Uint8Array[] = [];
    let length = 0;
    for (;;) {
      const chunk = await this.readChunk();
      if (chunk === undefined) break;
      length += chunk.length;
      if (length > bodyBytesMax) throw tooLarge(bodyBytesMax, length);
      chunks.push(chunk);
    }
    const [only] = chunks;
    return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, length);
  }

  async readChunk(): Promise<Uint8Array | undefined> {
    if (!this.hasBody) return undefined;
    this.#body ??= this.#openBody();
    const chunk = await this.#body.read();
    this.#bytesReceived += chunk?.length ?? 0;
    return chunk;
  }

  send(head: ReplyHead, body: Uint8Array): void {
    this.#expectState('none', 'send');
    this.#replyState = 'ended';
    if (this.#isGone) return;
    const withBody = mayHaveBody(head.status, this.request.method);
    const headers = this.#flatten(head);
    if (withBody || this.request.method === 'HEAD') {
      headers.push('content-length', String(body.length));
    }
    this.#writeHead(head.status, headers);
    if (!withBody || body.length === 0) {
      this.#response.end();
    } else if (body.length <= ONE_WRITE_BYTES_MAX) {
      this.#response.end(latin1(body), 'latin1');
    } else {
      this.#response.end(body);
    }
    if (withBody) this.#bytesSent += body.length;
    this.#closeUnreadBody();
  }

  start(head: ReplyHead): void {
    this.#expectState('none', 'start');
    this.#replyState = 'started';
    if (this.#isGone) return;
    this.#writeHead(head.status, this.#flatten(head));
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#expectState('started', 'write');
    if (this.#isGone || chunk.length === 0) return;
    if (!mayHaveBody(this.#status, this.request.method)) return;
    this.#bytesSent += chunk.length;
    if (this.#response.write(chunk)) return;
    await this.#drained();
  }

  end(): void {
    this.#expectState('started', 'end');
    this.#replyState = 'ended';
    if (this.#isGone) return;
    this.#response.end();
    this.#closeUnreadBody();
  }

  abort(): void {
    if (this.#replyState === 'ended') return;
    this.#replyState = 'ended';
    this.#response.destroy();
  }

  #openBody(): BodyReader {
    // The client holds the body back until it is told that somebody wants it (RFC 9110, 10.1.1).
    if (this.#incoming.headers.expect !== undefined) this.#response.writeContinue();
    return new BodyReader(this.#incoming, this.#options.bodyIdleTimeoutMs);
  }

  /** As node wants them, with the request id that is also in the log; a guest's own gives way. */
  #flatten(head: ReplyHead): string[] {
    const flat = [REQUEST_ID, this.#request.id];
    for (const [name, value] of head.headers) if (name !== REQUEST_ID) flat.push(name, value);
    return flat;
  }

  #writeHead(status: number, headers: string[]): void {
    this.#status = status;
    this.#response.writeHead(status, headers);
  }

  /** Waits for room; a client that takes nothing for the idle limit is cut off. */
  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#response.destroy(), this.#options.replyIdleTimeoutMs);
      const settle = (): void => {
        clearTimeout(timer);
        this.#response.off('drain', settle);
        this.#response.off('close', settle);
        resolve();
      };
      this.#response.once('drain', settle);
      this.#response.once('close', settle);
    });
  }

  /**
   * An answer sent before the body was read ends the connection: reading on would let a visitor
   * hold it with a body that nobody wants, and reusing it would take body bytes for a request.
   */
  #closeUnreadBody(): void {
    if (!this.#hadBody || this.#incoming.complete) return;
    this.#response.once('finish', () => {
      this.#incoming.socket.destroySoon();
    });
  }

  #close(): void {
    if (this.#response.writableFinished) return;
    this.#isGone = true;
    this.#onGone?.();
  }

  #expectState(state: Exchange['replyState'], action: string): void {
    if (this.#replyState === state) return;
    throw new TypeError(
      `Cannot ${action} the answer: its state must be ${state}: received ${this.#replyState}`,
    );
  }
}

function queryOf(target: string): string {
  const mark = target.indexOf('?');
  return mark === -1 ? '' : target.slice(mark + 1);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/** RFC 9110, section 6.4.1. */
function mayHaveBody(status: number, method: string): boolean {
  return method !== 'HEAD' && status !== 204 && status !== 205 && status !== 304;
}

function tooLarge(bodyBytesMax: number, received: number): TerrafirmaError {
  return new TerrafirmaError(
    'request-too-large',
    `Cannot accept the request: its body may have ${bodyBytesMax} bytes: received ${received}`,
  );
}
