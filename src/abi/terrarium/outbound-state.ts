/**
 * The requests a run makes: what it is still writing, what is under way, what has come back. One
 * budget of bytes covers all bodies, because a guest may hold as many as it has handles.
 */

import { inBytes } from '../../amounts.ts';
import type { Capabilities } from '../../capability/capability.ts';
import type { OutboundReply, OutboundRequest } from '../../capability/fetch/contract.ts';
import type { Limits } from '../../config/config.ts';
import { noBytes } from '../../http/body.ts';
import type { Header } from '../../http/message.ts';
import type { HostMemory, Run } from '../abi.ts';
import { HandleTable } from '../handles.ts';
import { GuestHeaders, type HeaderIndex, type HeaderLimits, indexHeaders } from './headers.ts';
import { Misuse } from './misuse.ts';

/** What the getters of requests read, whether a visitor's or one the guest is writing. */
export interface ReadableRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: HeaderIndex;
  readonly body: Uint8Array;
}

export class CreatedRequest implements ReadableRequest {
  readonly method: string;
  readonly url: URL;
  readonly fields: GuestHeaders;
  body: Uint8Array = noBytes;

  constructor(method: string, url: URL, limits: HeaderLimits) {
    this.method = method;
    this.url = url;
    this.fields = new GuestHeaders(limits);
  }

  get path(): string {
    return this.url.pathname + this.url.search;
  }

  get headers(): HeaderIndex {
    return this.fields.index;
  }
}

export interface FetchedReply {
  readonly status: number;
  readonly headers: HeaderIndex;
  readonly body: Uint8Array;
}

/** A request under way. `settled` never rejects; after it `reply` is there, or it has failed. */
export class PendingRequest {
  readonly #controller = new AbortController();
  #reply: OutboundReply | undefined;
  #isSettled = false;
  #settled: Promise<void> = Promise.resolve();

  get isSettled(): boolean {
    return this.#isSettled;
  }

  get isGivenUp(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Undefined while the request is under way, and when it has failed. */
  get reply(): OutboundReply | undefined {
    return this.#reply;
  }

  get settled(): Promise<void> {
    return this.#settled;
  }

  /** `send` resolves to undefined when it has failed, and never rejects. */
  start(send: (signal: AbortSignal) => Promise<OutboundReply | undefined>): void {
    this.#settled = send(this.#controller.signal).then((reply) => {
      this.#reply = reply;
      this.#isSettled = true;
    });
  }

  giveUp(): void {
    this.#controller.abort();
  }
}

export class OutboundState {
  readonly requests: HandleTable<CreatedRequest>;
  readonly pending: HandleTable<PendingRequest>;
  readonly replies: HandleTable<FetchedReply>;
  readonly #limits: Limits;
  readonly #capabilities: Capabilities;
  readonly #underWay = new Set<PendingRequest>();
  readonly #hostMemory: HostMemory | undefined;
  #heldBytes = 0;

  constructor(limits: Limits, run: Pick<Run, 'capabilities' | 'hostMemory'>) {
    this.#limits = limits;
    this.#capabilities = run.capabilities;
    this.#hostMemory = run.hostMemory;
    // 0 is the incoming request and the outgoing response in the guest's numbers.
    const options = { firstHandle: 1, handlesMax: limits.handlesPerRunMax };
    this.requests = new HandleTable({ ...options, kind: 'request' });
    this.pending = new HandleTable({ ...options, kind: 'pending request' });
    this.replies = new HandleTable({ ...options, kind: 'fetched response' });
  }

  create(method: string, url: URL): number {
    const { headersMax, headerBytesMax } = this.#limits;
    const headerLimits = { linesMax: headersMax, bytesMax: headerBytesMax };
    return this.requests.add(new CreatedRequest(method, url, headerLimits));
  }

  /**
   * Before the body of `request` is replaced by one of `len` bytes. Throws Misuse when the bodies
   * of the run would be too many bytes.
   */
  makeRoom(request: CreatedRequest, len: number): void {
    this.#hold(len - request.body.length);
  }

  /** Consumes the request `handle` and sends it. Throws HandleError. */
  send(handle: number): PendingRequest {
    const request = this.requests.take(handle);
    const pending = new PendingRequest();
    this.#start(pending, request);
    return pending;
  }

  /** The same, as a pending handle. On HandleError the request is not consumed. */
  sendAsync(handle: number): number {
    const request = this.requests.get(handle);
    const pending = new PendingRequest();
    const pendingHandle = this.pending.add(pending);
    this.requests.drop(handle);
    this.#start(pending, request);
    return pendingHandle;
  }

  /** The handle of a settled request's response, or -1 when it has failed. Throws HandleError. */
  keepReply(pending: PendingRequest): number {
    const { reply } = pending;
    if (reply === undefined) return -1;
    const { status, headers, body } = reply;
    return this.replies.add({ status, headers: indexHeaders(headers), body });
  }

  giveUpAll(): void {
    for (const pending of this.#underWay) pending.giveUp();
    this.#underWay.clear();
  }

  #start(pending: PendingRequest, request: CreatedRequest): void {
    this.#underWay.add(pending);
    pending.start((signal) => this.#exchange(pending, request, signal));
  }

  async #exchange(
    pending: PendingRequest,
    request: CreatedRequest,
    signal: AbortSignal,
  ): Promise<OutboundReply | undefined> {
    try {
      const reply = await this.#capabilities.fetch.send(toOutbound(request), signal);
      this.#hold(countBytes(reply));
      return reply;
    } catch (error) {
      if (!pending.isGivenUp) {
        const reason = error instanceof Error ? error.message : String(error);
        this.#capabilities.log.write('warn', reason);
      }
      return undefined;
    } finally {
      this.#underWay.delete(pending);
      this.#release(request.body.length);
    }
  }

  #hold(bytes: number): void {
    const bytesMax = this.#limits.memoryBytesMax;
    if (this.#heldBytes + bytes > bytesMax) {
      throw new Misuse(
        `Cannot hold the body: requests and responses of a run hold at most ${inBytes(bytesMax)}`,
        `${this.#heldBytes + bytes} bytes`,
      );
    }
    if (bytes < 0) this.#release(-bytes);
    else if (this.#hostMemory?.tryHold(bytes) === false) {
      throw new Misuse('Cannot hold the body: memory is short', `${bytes} bytes`);
    } else this.#heldBytes += bytes;
  }

  #release(bytes: number): void {
    this.#heldBytes -= bytes;
    this.#hostMemory?.release(bytes);
  }
}

function toOutbound(request: CreatedRequest): OutboundRequest {
  const headers: readonly Header[] = request.fields.toLines();
  return { method: request.method, url: request.url.href, headers, body: request.body };
}

function countBytes(reply: OutboundReply): number {
  let bytes = reply.body.length;
  for (const [name, value] of reply.headers) bytes += name.length + value.length;
  return bytes;
}
