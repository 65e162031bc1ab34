/** One exchange on a pooled connection: its head, and its body as it arrives. Edge: undici. */
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { ReadBody } from '../../http/body.ts';
import { BodyQueue } from '../../http/body-queue.ts';
import { firstField } from '../../http/fields.ts';
import type { Header } from '../../http/message.ts';
import type { CapabilityRefusal } from '../refusal.ts';
import type { ReplyBody, ReplyStart, ServerAddress } from './contract.ts';
import { replyHeaders } from './headers.ts';
import { limitRefusal, toRefusal } from './refusals.ts';

/** Counts the bytes that wait for the guest to read them. */
export interface ReplyBudget {
  /** Why `bytes` more may not be held, or undefined; then they are counted. */
  take(bytes: number): CapabilityRefusal | undefined;
  release(bytes: number): void;
}

export interface ExchangeOptions {
  /** Headers of a reply, and trailers. */
  readonly headersMax: number;
  readonly budget: ReplyBudget;
}

/** So much of a reply waits to be read; then the server waits. */
const windowBytesMax = 128 * 1024;
/** A redirect's body up to this is read away, so that its connection can be used again. */
const dismissedBytesMax = 64 * 1024;

/**
 * Bytes are passed on as they arrive: nothing is decompressed, so a reply cannot grow after it was
 * counted. `head` settles once, also when undici ends the exchange much later than it was given up.
 */
export class ServerExchange implements Dispatcher.DispatchHandler {
  readonly #options: ExchangeOptions;
  readonly #head = Promise.withResolvers<ReplyStart>();
  readonly #takenAway: ReadBody | undefined;
  #body: BodyQueue | undefined;
  #tunnel: Duplex | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #line: { readonly server: ServerAddress | undefined } | undefined;
  #givenUp: CapabilityRefusal | undefined;
  #isOver = false;
  #isDone = false;
  #onConnected: (() => void) | undefined;
  #onOver: (() => void) | undefined;
  #onDone: (() => void) | undefined;

  /** `sent` is the streamed body of the request, which is cancelled when it is of no use. */
  constructor(options: ExchangeOptions, sent?: ReadBody) {
    this.#options = options;
    this.#takenAway = sent;
  }

  get head(): Promise<ReplyStart> {
    return this.#head.promise;
  }

  /** Once the head is there. */
  get body(): ReplyBody {
    if (this.#body === undefined) throw new TypeError('Cannot read the reply: it has not begun');
    return this.#body;
  }

  /** Once the head is there: the connection, where the server goes on with what was asked. */
  get tunnel(): Duplex | undefined {
    return this.#tunnel;
  }

  /** True once the server has begun to answer: then the request must not be sent again. */
  get hasBegun(): boolean {
    return this.#body !== undefined || this.#tunnel !== undefined;
  }

  /** Which connection it takes, as soon as that is settled. */
  goesBy(line: { readonly server: ServerAddress | undefined }): void {
    this.#line = line;
  }

  /** `then` is called when the request has a connection, or needs none any more. */
  onceConnected(then: () => void): void {
    if (this.#controller !== undefined || this.#isOver) then();
    else this.#onConnected = then;
  }

  /** `then` is called when the HTTP client has let go of the exchange, well or not. */
  onceOver(then: () => void): void {
    this.#onOver = then;
  }

  /** `then` is called when nobody will use it any more: the server has ended, and the reader. */
  onceDone(then: () => void): void {
    if (this.#isDone) then();
    else this.#onDone = then;
  }

  /** Ends the exchange, now or as soon as it leaves the queue. */
  giveUp(refusal: CapabilityRefusal): void {
    if (this.#givenUp !== undefined || this.#isDone) return;
    this.#givenUp = refusal;
    this.#tellConnected();
    this.#head.reject(refusal);
    this.#body?.fail(refusal);
    this.#controller?.abort(refusal);
    if (this.#controller === undefined) this.#takenAway?.cancel();
  }

  /** Nobody wants the body: a short one is read away. */
  async dismiss(): Promise<void> {
    let bytesLeft = dismissedBytesMax;
    for (;;) {
      const piece = await this.body.read();
      if (piece === undefined) return;
      bytesLeft -= piece.length;
      if (bytesLeft < 0) break;
    }
    this.body.cancel();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#tellConnected();
    if (this.#givenUp !== undefined) controller.abort(this.#givenUp);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    // 1xx is only news about the reply to come (RFC 9110, section 15.2).
    if (status < 200) return;
    const headers = replyHeaders(fieldsOf(controller.rawHeaders));
    const { headersMax } = this.#options;
    if (headers.length > headersMax) {
      this.giveUp(limitRefusal(`a reply has at most ${headersMax} headers`, `${headers.length}`));
      return;
    }
    this.#body = this.#openBody(controller, headers);
    this.#head.resolve({ status, headers, server: this.#line?.server });
  }

  /** From here on the connection is whoever's asked for it; the HTTP client has let go of it. */
  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    socket: Duplex,
  ): void {
    if (this.#givenUp !== undefined) {
      socket.destroy();
      return;
    }
    this.#tunnel = socket;
    this.#head.resolve({ status, headers: replyHeaders(fieldsOf(controller.rawHeaders)) });
    this.#finish();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    const body = this.#body;
    if (body === undefined || body.isOver) return;
    const refusal = this.#options.budget.take(BodyQueue.weigh(chunk));
    if (refusal !== undefined) this.giveUp(refusal);
    else if (!body.push(chunk)) controller.pause();
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    const trailers = replyHeaders(fieldsOf(controller.rawTrailers));
    // They are the server's; what is too much is not worth to break off a body that is whole.
    this.#body?.end(trailers.slice(0, this.#options.headersMax));
    this.#finish();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#head.reject(error);
    this.#body?.fail(toRefusal(error));
    this.#finish();
  }

  #openBody(controller: Dispatcher.DispatchController, headers: readonly Header[]): BodyQueue {
    const length = firstField(headers, 'content-length');
    return new BodyQueue({
      knownBytes: length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : undefined,
      windowBytesMax,
      onTaken: (bytes) => this.#options.budget.release(bytes),
      onRoom: () => controller.resume(),
      onCancel: () => this.#abandon(controller),
      onDone: () => this.#tellDone(),
    });
  }

  #abandon(controller: Dispatcher.DispatchController): void {
    if (!this.#isOver) controller.abort(new Error('nobody wants the rest'));
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#tellConnected();
    this.#takenAway?.cancel();
    this.#onOver?.();
    if (this.#body === undefined) this.#tellDone();
  }

  #tellConnected(): void {
    this.#onConnected?.();
    this.#onConnected = undefined;
  }

  #tellDone(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#onDone?.();
  }
}

/** HTTP/1.1 gives names and values in turn, HTTP/2 an object. */
function fieldsOf(raw: unknown): readonly (string | Uint8Array)[] {
  if (Array.isArray(raw)) return raw;
  if (typeof raw !== 'object' || raw === null) return [];
  return Object.entries(raw).flatMap(([name, value]) =>
    [value].flat().flatMap((each) => (name.startsWith(':') ? [] : [name, String(each)])),
  );
}
