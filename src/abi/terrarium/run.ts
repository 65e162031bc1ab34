/**
 * What one run of a Terrarium guest has: the request it answers, the reply it builds up (sent only
 * when `run` has returned, because guests set code, headers and body in any order), and what it
 * asked of others.
 */

import type { Capabilities } from '../../capability/capability.ts';
import type { Limits } from '../../config/config.ts';
import { noBytes } from '../../http/body.ts';
import type { RequestHead } from '../../http/message.ts';
import type { Exchange, HostMemory, Run } from '../abi.ts';
import { HeaderMap } from '../objects/headers.ts';
import {
  encodeTarget,
  encodeValue,
  GuestHeaders,
  type HeaderIndex,
  indexHeaders,
} from './headers.ts';
import { OutboundState, type ReadableRequest } from './outbound-state.ts';

/** Carries the visitor's address; a visitor's own claim under these names is dropped. */
const clientAddressHeaders = ['fastly-client-ip', 'x-fastly-client-ip'] as const;

/** What is smaller is no more than V8's own stock gives. */
const roomyBytesMin = 32 * 1024;

export class OutgoingReply {
  status: number | undefined;
  /** Undefined when the last body the guest set was refused: half an answer is none. */
  body: Uint8Array | undefined = noBytes;
  /** Why it was. */
  refusal: 'reply-too-large' | 'overloaded' = 'reply-too-large';
  /** Of the bodies so far, what is on the owner's account. */
  heldBytes = 0;
  /** The largest body so far: one that is replaced over and over should be no new garbage. */
  #storage: Uint8Array = noBytes;
  readonly #exchange: Pick<Exchange, 'lendRoom'> | undefined;
  readonly #limits: Limits;
  /** Made when the guest sets one, or when it has answered. */
  #headers: GuestHeaders | undefined;

  constructor(limits: Limits, exchange?: Pick<Exchange, 'lendRoom'>) {
    this.#exchange = exchange;
    this.#limits = limits;
  }

  get headers(): GuestHeaders {
    this.#headers ??= openHeaders(this.#limits);
    return this.#headers;
  }

  /**
   * Bytes that may be overwritten for a body of `bytes`, if it is enough: what was the last one is
   * given up.
   */
  storageFor(bytes: number): Uint8Array {
    if (this.#storage.length < bytes) {
      this.#storage = this.#exchange?.lendRoom?.(bytes) ?? this.#storage;
    }
    return this.#storage;
  }

  setBody(body: Uint8Array): void {
    this.body = body;
    if (body.length > this.#storage.length) this.#storage = body;
  }

  /**
   * The body as it is sent, without what else there was room for: a client that takes nothing must
   * not keep 32 MiB for one kilobyte, which is all that anybody's account is charged for.
   */
  takeBody(): Uint8Array | undefined {
    const { body } = this;
    const isSmall = body !== undefined && 2 * body.length < this.#storage.length;
    const sent = isSmall && this.#storage.length >= roomyBytesMin ? body.slice() : body;
    this.#storage = noBytes;
    return sent;
  }
}

function openHeaders({ replyHeadersMax, replyHeaderBytesMax }: Limits): GuestHeaders {
  const limits = { linesMax: replyHeadersMax, bytesMax: replyHeaderBytesMax };
  return new GuestHeaders(new HeaderMap(limits));
}

/** The visitor's request in the form that guests may read. */
export class IncomingRequest implements ReadableRequest {
  readonly body: Uint8Array;
  readonly #head: RequestHead;
  #headers: HeaderIndex | undefined;

  constructor(head: RequestHead, body: Uint8Array) {
    this.#head = head;
    this.body = body;
  }

  get method(): string {
    return this.#head.method;
  }

  get path(): string {
    return encodeTarget(this.#head.target);
  }

  get headers(): HeaderIndex {
    this.#headers ??= indexRequest(this.#head);
    return this.#headers;
  }
}

export class TerrariumRun {
  readonly exchange: Exchange;
  readonly capabilities: Capabilities;
  readonly hostMemory: HostMemory | undefined;
  readonly request: IncomingRequest;
  readonly reply: OutgoingReply;
  readonly #limits: Limits;
  #outbound: OutboundState | undefined;

  constructor(run: Run, limits: Limits) {
    this.exchange = run.exchange;
    this.capabilities = run.capabilities;
    this.hostMemory = run.hostMemory;
    this.request = new IncomingRequest(run.exchange.request, run.body);
    this.reply = new OutgoingReply(limits, run.exchange);
    this.#limits = limits;
  }

  get outbound(): OutboundState {
    this.#outbound ??= new OutboundState(this.#limits, this);
    return this.#outbound;
  }

  giveUp(): void {
    this.#outbound?.giveUpAll();
  }
}

/** `host` is what the visitor named, whichever way: guests build absolute URLs from it. */
function indexRequest(request: RequestHead): HeaderIndex {
  const index = indexHeaders(request.headers);
  if (request.authority !== '') index.set('host', [encodeValue(request.authority)]);
  for (const name of clientAddressHeaders) index.set(name, [request.clientAddress]);
  return index;
}
