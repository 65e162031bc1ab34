/** One request and its answer, over whichever wire it came. */

import { setTimeout as delay } from 'node:timers/promises';
import type { Exchange } from '../abi/abi.ts';
import type { Share } from '../account/share.ts';
import { inBytes } from '../amounts.ts';
import { TerrafirmaError } from '../errors.ts';
import { noBytes } from '../http/body.ts';
import type { Header, ReplyHead, RequestHead } from '../http/message.ts';
import { statusHasBody } from '../http/status.ts';
import { queryOf } from '../http/target.ts';
import { clientNetwork } from '../names.ts';
import { BodyReader } from './body-reader.ts';
import { type ClientBytes, ExchangeBytes } from './exchange-bytes.ts';
import { pieceBytes, wholeBytesMax } from './reply-pump.ts';
import type { UpgradeRequest } from './websocket/upgrade.ts';
import type { Wire } from './wire.ts';

export interface ExchangeOptions {
  readonly bodyIdleTimeoutMs: number;
  readonly replyIdleTimeoutMs: number;
  /** Where the client asks for a WebSocket. */
  readonly upgrade?: UpgradeRequest | undefined;
  /** What clients make this thread hold; undefined: nobody counts. */
  readonly clientBytes?: ClientBytes | undefined;
  /** On every answer that does not say otherwise; names in lower case. */
  readonly fixedHeaders?: readonly Header[] | undefined;
}

const requestId = 'x-request-id';
const switchingProtocols = 101;
/** A smaller reply is taken at once by the system, or waits in the connection with others. */
const uncountedBytesMax = 4 * 1024;
/** How often a body that must wait looks whether there is room: thousands may wait at once. */
const roomLookMs = 250;
/** They tell of a body, and a request that was redirected inside has none. */
const bodyHeaders = new Set(['content-length', 'content-type', 'content-encoding', 'expect']);

/** Which part of the path names the module is known only when it has been routed. */
export interface RoutableHead extends RequestHead {
  scriptName: string;
  pathInfo: string;
}

export class HttpExchange implements Exchange {
  #hasBody: boolean;
  readonly #hadBody: boolean;
  #redirectTarget: string | undefined;
  #request: RoutableHead;
  readonly #wire: Wire;
  readonly #options: ExchangeOptions;
  #replyState: Exchange['replyState'] = 'none';
  #status = 0;
  #onGone: (() => void) | undefined;
  #isGone = false;
  #body: BodyReader | undefined;
  #bytesSent = 0;
  #bytesReceived = 0;
  #added: Header[] | undefined;
  #share: Share | undefined;
  #bytes: ExchangeBytes | undefined;

  /** Owns `request` from here on. */
  constructor(request: RoutableHead, wire: Wire, options: ExchangeOptions) {
    this.#request = request;
    this.#wire = wire;
    this.#options = options;
    this.#hasBody = wire.hasBody;
    this.#hadBody = wire.hasBody;
    // It comes once by itself; asking for it once costs a wrapper for every request.
    wire.events.on('close', () => this.#close());
  }

  get request(): RequestHead {
    return this.#request;
  }

  get hasBody(): boolean {
    return this.#hasBody;
  }

  /** The site has been found: what the exchange holds is on its owner's account. */
  chargeTo(share: Share): void {
    this.#share = share;
  }

  get isBodyReceived(): boolean {
    return !this.#hasBody || this.#wire.isReceived;
  }

  /** The path has been routed: from here on the head says which part of it names the module. */
  enterModule(scriptName: string, pathInfo: string): void {
    this.#request.scriptName = scriptName;
    this.#request.pathInfo = pathInfo;
  }

  /** Adds a header to the answer, unless the answer says otherwise; `name` in lower case. */
  addReplyHeader(name: string, value: string): void {
    this.#added ??= [];
    this.#added.push([name, value]);
  }

  redirectInside(target: string): void {
    this.#expectState('none', 'redirect');
    this.#redirectTarget = target;
  }

  /**
   * The target that a guest has redirected to, once. The request is then a GET of it without a
   * body; what was not read of the body is left.
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
      headers: headers.filter(([name]) => !bodyHeaders.has(name)),
    };
    this.#hasBody = false;
    return target;
  }

  get replyState(): Exchange['replyState'] {
    return this.#replyState;
  }

  get upgrade(): UpgradeRequest | undefined {
    return this.#options.upgrade;
  }

  /** The connection has become a WebSocket: nothing is answered on it any more. */
  leaveHttp(): void {
    this.#expectState('none', 'upgrade');
    this.#replyState = 'ended';
    this.#status = switchingProtocols;
  }

  /** What went through the WebSocket. */
  countMessages(counts: { readonly bytesSent: number; readonly bytesReceived: number }): void {
    this.#bytesSent = counts.bytesSent;
    this.#bytesReceived = counts.bytesReceived;
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
    if (!this.hasBody) return noBytes;
    const declared = this.#wire.declaredBytes;
    if (declared > bodyBytesMax) throw tooLarge(bodyBytesMax, declared);
    const chunks: Uint8Array[] = [];
    let length = 0;
    for (;;) {
      const chunk = await this.readChunk();
      if (chunk === undefined) break;
      length += chunk.length;
      if (length > bodyBytesMax) throw tooLarge(bodyBytesMax, length);
      if (!this.#tryHold(chunk.length)) await this.#roomFor(chunk.length);
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
    const withBody = mayHaveBody(head.status, this.request.method);
    if (withBody && body.length > uncountedBytesMax) this.#openBytes()?.addReply(body.length);
    this.#replyState = 'ended';
    if (this.#isGone) return;
    const headers = this.#flatten(head);
    if (withBody || (this.request.method === 'HEAD' && statusHasBody(head.status))) {
      headers.push('content-length', String(body.length));
    }
    this.#status = head.status;
    this.#wire.sendWhole(head.status, headers, withBody ? body : undefined);
    if (withBody) this.#bytesSent += body.length;
    this.#leaveBody();
  }

  start(head: ReplyHead): void {
    this.#expectState('none', 'start');
    this.#replyState = 'started';
    if (this.#isGone) return;
    this.#status = head.status;
    this.#wire.sendHead(head.status, this.#flatten(head));
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#expectState('started', 'write');
    if (this.#isGone || chunk.length === 0) return;
    if (!mayHaveBody(this.#status, this.request.method)) return;
    this.#bytesSent += chunk.length;
    if (chunk.length > wholeBytesMax) await this.#writePieces(chunk);
    else if (!this.#wire.write(chunk)) await this.#drained();
  }

  /** Each piece has the idle limit to be taken, which makes a least rate. */
  async #writePieces(chunk: Uint8Array): Promise<void> {
    const bytes = this.#openBytes();
    bytes?.addReply(chunk.length);
    try {
      for (let start = 0; start < chunk.length; start += pieceBytes) {
        if (this.#isGone || this.#replyState !== 'started') return;
        if (!this.#wire.write(chunk.subarray(start, start + pieceBytes))) await this.#drained();
      }
    } finally {
      bytes?.removeReply(chunk.length);
    }
  }

  end(): void {
    this.#expectState('started', 'end');
    this.#replyState = 'ended';
    if (this.#isGone) return;
    this.#wire.end();
    this.#leaveBody();
  }

  abort(): void {
    if (this.#replyState === 'ended') return;
    this.#replyState = 'ended';
    this.#wire.destroy();
  }

  #openBytes(): ExchangeBytes | undefined {
    const clients = this.#options.clientBytes;
    const share = this.#share;
    if (clients === undefined || share === undefined) return undefined;
    const client = clientNetwork(this.#request.clientAddress);
    this.#bytes ??= new ExchangeBytes({ clients, client, share });
    return this.#bytes;
  }

  #tryHold(bytes: number): boolean {
    return this.#openBytes()?.tryAddBody(bytes) ?? true;
  }

  /** Reads no further meanwhile, so that the client is held up and not we. */
  async #roomFor(bytes: number): Promise<void> {
    for (let waitedMs = 0; !this.#tryHold(bytes); waitedMs += roomLookMs) {
      if (this.#isGone || this.#replyState !== 'none') throw clientGone();
      if (waitedMs >= this.#options.bodyIdleTimeoutMs) throw noRoom(waitedMs);
      await delay(roomLookMs);
    }
  }

  #openBody(): BodyReader {
    this.#wire.sendContinue();
    return new BodyReader(this.#wire.body, this.#options.bodyIdleTimeoutMs);
  }

  /** Names and values in turn, with the request id of the log in place of a guest's. */
  #flatten(head: ReplyHead): string[] {
    const flat = [requestId, this.#request.id];
    for (const [name, value] of head.headers) if (name !== requestId) flat.push(name, value);
    const { fixedHeaders } = this.#options;
    if (fixedHeaders !== undefined) addAbsent(flat, fixedHeaders);
    if (this.#added !== undefined) addAbsent(flat, this.#added);
    return flat;
  }

  /** Waits for room; a client that takes nothing for the idle limit is cut off. */
  #drained(): Promise<void> {
    const { events } = this.#wire;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wire.destroy(), this.#options.replyIdleTimeoutMs);
      const settle = (): void => {
        clearTimeout(timer);
        events.off('drain', settle);
        events.off('close', settle);
        resolve();
      };
      events.once('drain', settle);
      events.once('close', settle);
    });
  }

  #leaveBody(): void {
    if (this.#hadBody && !this.#wire.isReceived) this.#wire.leaveBody();
  }

  #close(): void {
    this.#bytes?.close();
    this.#wire.closed();
    if (this.#wire.isFinished) return;
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

/** What the guest has said itself stays as it said it: two of these would contradict each other. */
function addAbsent(flat: string[], headers: readonly Header[]): void {
  for (const [name, value] of headers) {
    const isThere = flat.some((one, index) => index % 2 === 0 && one.toLowerCase() === name);
    if (!isThere) flat.push(name, value);
  }
}

/** RFC 9110, section 6.4.1. */
function mayHaveBody(status: number, method: string): boolean {
  return method !== 'HEAD' && statusHasBody(status);
}

function clientGone(): TerrafirmaError {
  return new TerrafirmaError('client-gone', 'Cannot read the request body: nobody waits for it');
}

function noRoom(waitedMs: number): TerrafirmaError {
  return new TerrafirmaError(
    'overloaded',
    `Cannot read the request body now: memory for bodies is short: waited ${waitedMs} ms`,
  );
}

function tooLarge(bodyBytesMax: number, received: number): TerrafirmaError {
  const rule = `its body may have at most ${inBytes(bodyBytesMax)}`;
  return new TerrafirmaError(
    'request-too-large',
    `Cannot accept the request: ${rule}: received ${received} bytes`,
  );
}
