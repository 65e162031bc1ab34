/** One exchange on a pooled connection: collects the reply within its limits. Edge: undici. */

import type { Dispatcher } from 'undici';
import { inBytes } from '../../amounts.ts';
import type { Header } from '../../http/message.ts';
import { CapabilityRefusal } from '../refusal.ts';
import type { OutboundReply } from './contract.ts';
import { replyHeaders } from './headers.ts';

/** Counts the bytes that replies hold, for one run and for the whole thread. */
export interface ReplyBudget {
  /** Why `bytes` more may not be held, or undefined; then they are counted. */
  take(bytes: number): CapabilityRefusal | undefined;
  /** Told once, when the exchange has ended, with all that was taken. */
  release(bytes: number): void;
}

const staleCodes: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);
const timeoutCodes: ReadonlySet<string> = new Set([
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]);

export interface ReplyLimits {
  readonly replyBytesMax: number;
  readonly headersMax: number;
}

/**
 * Bytes are passed on as they arrive: nothing is decompressed, so a reply cannot grow after it was
 * counted. Settles `reply` once, also when undici ends the exchange much later than we gave it up.
 */
export class ReplyCollector implements Dispatcher.DispatchHandler {
  readonly #limits: ReplyLimits;
  readonly #budget: ReplyBudget;
  readonly #settled = Promise.withResolvers<OutboundReply>();
  readonly #chunks: Uint8Array[] = [];
  #controller: Dispatcher.DispatchController | undefined;
  #givenUp: CapabilityRefusal | undefined;
  #status = 0;
  #headers: readonly Header[] = [];
  #bytes = 0;
  #isOver = false;
  #onOver: (() => void) | undefined;

  constructor(limits: ReplyLimits, budget: ReplyBudget) {
    this.#limits = limits;
    this.#budget = budget;
  }

  get reply(): Promise<OutboundReply> {
    return this.#settled.promise;
  }

  /** True once the server has begun to answer: then the request must not be sent again. */
  get hasBegun(): boolean {
    return this.#status !== 0;
  }

  /** `then` is called when the HTTP client has let go of the exchange, well or not. */
  onceOver(then: () => void): void {
    this.#onOver = then;
  }

  /** Ends the exchange, now or as soon as it leaves the queue. */
  giveUp(refusal: CapabilityRefusal): void {
    if (this.#givenUp !== undefined) return;
    this.#givenUp = refusal;
    this.#settled.reject(refusal);
    this.#controller?.abort(refusal);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#givenUp !== undefined) controller.abort(this.#givenUp);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    // 1xx is only news about the reply to come (RFC 9110, section 15.2).
    if (status < 200) return;
    const raw = controller.rawHeaders;
    const headers = Array.isArray(raw) ? replyHeaders(raw) : [];
    if (headers.length > this.#limits.headersMax) {
      const rule = `a reply has at most ${this.#limits.headersMax} headers`;
      this.giveUp(limitRefusal(rule, `${headers.length}`));
      return;
    }
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    const { replyBytesMax } = this.#limits;
    if (this.#bytes + chunk.byteLength > replyBytesMax) {
      this.giveUp(limitRefusal(`a reply has at most ${inBytes(replyBytesMax)}`, 'more'));
      return;
    }
    const refusal = this.#budget.take(chunk.byteLength);
    if (refusal !== undefined) {
      this.giveUp(refusal);
      return;
    }
    this.#bytes += chunk.byteLength;
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const body = joinChunks(this.#chunks, this.#bytes);
    this.#settled.resolve({ status: this.#status, headers: this.#headers, body });
    this.#finish();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#settled.reject(error);
    this.#finish();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#chunks.length = 0;
    this.#budget.release(this.#bytes);
    this.#onOver?.();
  }
}

/** Whether `error` is what a connection shows that was closed before the request arrived. */
export function isStaleConnection(error: unknown): boolean {
  return staleCodes.has(codeOf(error));
}

/** Any failure of an exchange in the words of this project. */
export function toRefusal(error: unknown): CapabilityRefusal {
  if (error instanceof CapabilityRefusal) return error;
  const code = codeOf(error);
  if (code === 'UND_ERR_HEADERS_OVERFLOW') {
    return limitRefusal('the headers of a reply must be smaller', 'more');
  }
  const reason = error instanceof Error ? error.message : String(error);
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') {
    return new CapabilityRefusal(
      'input',
      `Cannot fetch: it must be valid HTTP: received ${reason}`,
    );
  }
  const kind = timeoutCodes.has(code) ? 'timeout' : 'connection';
  const message = `Cannot fetch: the server must answer in valid HTTP: received ${reason}`;
  return new CapabilityRefusal(kind, message, { cause: error });
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

function limitRefusal(rule: string, received: string): CapabilityRefusal {
  return new CapabilityRefusal('limit', `Cannot fetch: ${rule}: received ${received}`);
}

function joinChunks(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const body = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.byteLength;
  }
  return body;
}
