/** One request and its answer as a stream of node:http2. Touches the connection, through node. */

import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { ConnectionFacts } from '../../http/connection-facts.ts';
import { connectionHeaders } from '../../http/connection-headers.ts';
import type { Header } from '../../http/message.ts';
import type { LimitClock, Watched } from '../../limit-clock.ts';
import { SocketFacts } from '../connection-facts.ts';
import { pieceBytes } from '../piece-size.ts';
import { pumpReply, wholeBytesMax } from '../reply-pump.ts';
import type { KeptHellos } from '../tls/kept-hellos.ts';
import type { Wire, WireListener } from '../wire.ts';
import type { Http2Request } from './turns.ts';

export interface Http2WireOptions {
  readonly request: Http2Request;
  readonly hasBody: boolean;
  readonly declaredBytes: number;
  readonly expectsContinue: boolean;
  /** How long an answer, or a piece of it, may lie untaken. */
  readonly taking: LimitClock;
  readonly nowMs: () => number;
  readonly hellos: KeptHellos;
}

export class Http2Wire implements Wire, Watched {
  listener: WireListener | undefined;
  readonly body: ServerHttp2Stream;
  /** Pieces may lie in one buffer with others. */
  readonly givesBodyAway = false;
  readonly hasBody: boolean;
  readonly declaredBytes: number;
  /** For the clock. */
  deadlineMs = 0;
  earlier: Watched | undefined;
  later: Watched | undefined;
  readonly #options: Http2WireOptions;
  #trailers: readonly Header[] = [];

  constructor(options: Http2WireOptions) {
    this.body = options.request.stream;
    this.hasBody = options.hasBody;
    this.declaredBytes = options.declaredBytes;
    this.#options = options;
    // It comes once by itself; asking for it once costs a wrapper for every request.
    this.body.on('close', () => this.listener?.wireClosed());
  }

  get rawTrailers(): readonly string[] {
    return this.#options.request.rawTrailers;
  }

  get isReceived(): boolean {
    return this.body.readableEnded || this.body.endAfterHeaders;
  }

  factsFor(clientAddress: string): ConnectionFacts {
    const { hellos, request } = this.#options;
    const { socket, rawHeaders, opening } = request;
    return new SocketFacts({ socket, rawHeaders, opening, clientAddress, hellos });
  }

  get isFinished(): boolean {
    // Node ends the writable side of a stream that the client has reset.
    return this.body.writableFinished && !this.body.aborted;
  }

  sendContinue(): void {
    if (this.#options.expectsContinue)
      this.#quietly(() => this.body.additionalHeaders({ ':status': 100 }));
  }

  sendInterim(status: number, headers: string[]): boolean {
    this.#quietly(() => this.body.additionalHeaders(toInterim(status, headers)));
    return true;
  }

  sendWhole(status: number, headers: string[], body: Uint8Array | undefined): void {
    const endStream = body === undefined || body.length === 0;
    this.#quietly(() => {
      this.body.respond(toHeaders(status, headers), { endStream });
      if (endStream) return;
      if (body.length <= wholeBytesMax) this.body.end(body);
      else this.#pump(body);
    });
    if (endStream || body.length <= wholeBytesMax) this.#limitTaking();
  }

  #pump(body: Uint8Array): void {
    const { nowMs } = this.#options;
    const renewLimit = (): void => this.#renewLimit();
    pumpReply(this.body, body, { renewLimit, nowMs, pieceBytesMax: pieceBytes });
  }

  sendHead(status: number, headers: string[], mayTrail = false): void {
    this.body.on('drain', () => this.listener?.wireDrained());
    this.#quietly(() => {
      this.body.respond(toHeaders(status, headers), { waitForTrailers: mayTrail });
      // Without fields this ends the stream as ever.
      if (mayTrail) this.body.once('wantTrailers', () => this.#sendTrailers());
    });
  }

  flushHead(): void {
    // It has left.
  }

  write(chunk: Uint8Array): boolean {
    return this.body.write(chunk);
  }

  end(trailers: readonly Header[] = []): void {
    this.#trailers = trailers;
    this.body.end();
    this.#limitTaking();
  }

  /** The connection lives on: only this stream is told that its body is not wanted. */
  leaveBody(): void {
    if (this.isReceived) return;
    const close = (): void => this.body.close(constants.NGHTTP2_NO_ERROR);
    if (this.body.writableFinished) close();
    else this.body.once('finish', close);
  }

  keepBody(): void {
    // Node closes a stream that nobody has begun to read when the answer has left.
    this.body.read(0);
  }

  destroy(): void {
    // Node ends the stream before it resets it: what was broken off would look whole.
    this.body._final = endQuietly;
    this.body.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  #sendTrailers(): void {
    const fields: Record<string, string[]> = Object.create(null);
    for (const [name, value] of this.#trailers) {
      const lowerName = name.toLowerCase();
      fields[lowerName] = [...(fields[lowerName] ?? []), value];
    }
    this.#quietly(() => sendOrNone(this.body, fields));
  }

  /** A client that opens no window would keep the answer in our memory for as long as it likes. */
  #limitTaking(): void {
    if (this.body.destroyed || this.body.writableFinished) return;
    this.#renewLimit();
  }

  #renewLimit(): void {
    this.#options.taking.watch(this, this.#options.nowMs());
  }

  onDeadline(): void {
    this.body.close(constants.NGHTTP2_CANCEL);
  }

  closed(): void {
    this.#options.taking.unwatch(this);
  }

  /** A stream that the client has reset meanwhile is gone: `close` tells the exchange. */
  #quietly(send: () => void): void {
    if (!this.body.destroyed && !this.body.closed) send();
  }
}

/**
 * Node refuses some fields, and asks for them in an event: thrown there, what a back-end has put
 * behind its body would end the thread. The body is whole without them.
 */
function sendOrNone(stream: ServerHttp2Stream, fields: Readonly<Record<string, string[]>>): void {
  try {
    stream.sendTrailers(fields);
  } catch {
    stream.sendTrailers({});
  }
}

/** In place of a last frame with the flag END_STREAM. */
function endQuietly(callback: (error?: Error | null) => void): void {
  callback();
}

/** For interim answers node takes no names and values in turn. */
function toInterim(status: number, flat: readonly string[]): OutgoingHttpHeaders {
  const headers: Record<string, string[]> = Object.create(null);
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const name = (flat[index] ?? '').toLowerCase();
    if (connectionHeaders.has(name)) continue;
    headers[name] ??= [];
    headers[name].push(flat[index + 1] ?? '');
  }
  return { ...headers, ':status': status };
}

/** Names and values in turn, the status first. */
function toHeaders(status: number, flat: readonly string[]): string[] {
  const headers = [':status', String(status)];
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const name = (flat[index] ?? '').toLowerCase();
    if (!connectionHeaders.has(name)) headers.push(name, flat[index + 1] ?? '');
  }
  return headers;
}
