/**
 * One request that is sent in chunks, with what follows its body: told to its `ServerExchange` as
 * undici tells it of others. Edge: node:http.
 */
import type { Buffer } from 'node:buffer';
import { type Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { type Dispatcher, errors } from 'undici';
import type { ReadBody } from '../../http/body.ts';
import type { Header } from '../../http/message.ts';
import type { ServerExchange } from './exchange.ts';
import { requestTrailers } from './headers.ts';
import { serverOf } from './pool-client.ts';

export interface ChunkedRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: readonly Header[];
  /** Where `headers` have no Host. */
  readonly host: string;
  readonly body: ReadBody;
  /** From the end of the body to the head of the reply. */
  readonly firstByteMs: number;
  readonly betweenBytesMs: number;
}

export interface ChunkedSurroundings {
  readonly agent: Agent;
  /** Of a reply. */
  readonly headerBytesMax: number;
  readonly exchange: ServerExchange;
}

export class ChunkedExchange implements Dispatcher.DispatchController {
  readonly #exchange: ServerExchange;
  readonly #sent: ChunkedRequest;
  #request: ClientRequest | undefined;
  #reply: IncomingMessage | undefined;
  #timer: NodeJS.Timeout | undefined;
  #onDrain: (() => void) | undefined;
  #onOver: (() => void) | undefined;
  #isOver = false;
  aborted = false;
  paused = false;
  reason: Error | null = null;
  rawHeaders: string[] | null = null;
  rawTrailers: string[] | null = null;

  constructor(sent: ChunkedRequest, surroundings: ChunkedSurroundings) {
    this.#sent = sent;
    this.#exchange = surroundings.exchange;
    try {
      this.#request = this.#open(surroundings);
    } catch (error) {
      // What no HTTP client takes, such as a space in a path.
      this.#fail(asError(error));
    }
  }

  /** `then` is called when the connection is free, or gone. */
  onceOver(then: () => void): void {
    if (this.#isOver) then();
    else this.#onOver = then;
  }

  abort(reason: Error): void {
    if (this.aborted || this.#isOver) return;
    this.aborted = true;
    this.reason = reason;
    this.#request?.destroy(reason);
  }

  pause(): void {
    this.paused = true;
    clearTimeout(this.#timer);
    this.#reply?.pause();
  }

  resume(): void {
    this.paused = false;
    if (this.#isOver) return;
    this.#wait('body');
    this.#reply?.resume();
  }

  #open({ agent, headerBytesMax }: ChunkedSurroundings): ClientRequest {
    const { method, path, headers, host } = this.#sent;
    const hasHost = headers.some(([name]) => name === 'host');
    const lines: Header[] = [...headers, ['transfer-encoding', 'chunked']];
    const opened = request({
      ...{ agent, method, path, maxHeaderSize: headerBytesMax },
      headers: (hasHost ? lines : [['host', host] as const, ...lines]).flat(),
    });
    // Their bytes are limited, and the exchange counts them: none must be dropped in silence.
    opened.maxHeadersCount = 0;
    opened.once('socket', (socket: Socket) => this.#begin(opened, socket));
    opened.once('response', (reply: IncomingMessage) => this.#take(reply));
    opened.on('drain', () => this.#onDrain?.());
    opened.on('error', (error: Error) => this.#fail(error));
    opened.once('close', () => this.#fail(connectionLost()));
    // A server may answer before there is anything to send.
    opened.flushHeaders();
    return opened;
  }

  #begin(opened: ClientRequest, socket: Socket): void {
    this.#exchange.goesBy({ server: serverOf(socket) });
    this.#exchange.onRequestStart(this);
    if (!this.aborted) void this.#send(opened);
  }

  async #send(opened: ClientRequest): Promise<void> {
    const { body } = this.#sent;
    try {
      for (;;) {
        const piece = await body.read();
        if (this.#isOver) return;
        if (piece === undefined) break;
        if (!opened.write(piece)) await this.#untilDrained();
        if (this.#isOver) return;
      }
      opened.addTrailers(requestTrailers(body.trailers ?? []) as [string, string][]);
      opened.end();
      if (this.#reply === undefined) this.#wait('head');
    } catch (error) {
      this.abort(asError(error));
    } finally {
      // The connection broke, or the reply was there first.
      body.cancel();
    }
  }

  #untilDrained(): Promise<void> {
    return new Promise((resolve) => {
      this.#onDrain = resolve;
    });
  }

  #take(reply: IncomingMessage): void {
    this.#reply = reply;
    this.rawHeaders = reply.rawHeaders;
    reply.on('error', (error: Error) => this.#fail(error));
    this.#exchange.onResponseStart(this, reply.statusCode ?? 0);
    if (this.aborted) return;
    this.#wait('body');
    reply.on('data', (piece: Buffer) => {
      this.#timer?.refresh();
      this.#exchange.onResponseData(this, piece);
    });
    reply.once('end', () => {
      if (this.#isOver || !reply.complete) return;
      this.rawTrailers = reply.rawTrailers;
      this.#end();
      this.#exchange.onResponseEnd(this);
      // Nobody reads the rest of a request that is answered.
      if (this.#request?.writableEnded !== true) this.#request?.destroy();
    });
  }

  #wait(what: 'head' | 'body'): void {
    clearTimeout(this.#timer);
    const { betweenBytesMs, firstByteMs } = this.#sent;
    this.#timer = setTimeout(
      () => {
        const isHead = what === 'head';
        this.abort(isHead ? new errors.HeadersTimeoutError() : new errors.BodyTimeoutError());
      },
      what === 'head' ? firstByteMs : betweenBytesMs,
    );
  }

  #fail(error: Error): void {
    if (this.#isOver) return;
    this.#end();
    this.#exchange.onResponseError(this, this.reason ?? error);
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#onDrain?.();
    this.#onOver?.();
  }
}

function connectionLost(): Error {
  return Object.assign(new Error('the server closed the connection'), { code: 'ECONNRESET' });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
