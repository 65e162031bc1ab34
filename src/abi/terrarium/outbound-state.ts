/**
 * The requests a run makes: what it is still writing, what is under way, what has come back. One
 * budget of bytes covers all bodies, because a guest may hold as many as it has handles.
 */

import type { Capabilities } from '../../capability/capability.ts';
import type { OutboundReply, OutboundRequest } from '../../capability/fetch/contract.ts';
import type { Limits } from '../../config/config.ts';
import { noBytes } from '../../http/body.ts';
import type { Run } from '../abi.ts';
import { HandleTable } from '../handles.ts';
import { type HeaderLimits, HeaderMap } from '../objects/headers.ts';
import { HeldForRun } from '../objects/held-for-run.ts';
import { RequestObject } from '../objects/messages.ts';
import { type Pending, PendingSet } from '../objects/pending.ts';
import { GuestHeaders, type HeaderIndex, indexHeaders } from './headers.ts';

/** What the getters of requests read, whether a visitor's or one the guest is writing. */
export interface ReadableRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: HeaderIndex;
  readonly body: Uint8Array;
}

export class CreatedRequest implements ReadableRequest {
  readonly fields: GuestHeaders;
  body: Uint8Array = noBytes;
  readonly #request: RequestObject;

  constructor(method: string, url: URL, limits: HeaderLimits) {
    const headers = new HeaderMap(limits);
    this.#request = new RequestObject({ method, url: url.href, headers });
    this.fields = new GuestHeaders(headers);
  }

  get method(): string {
    return this.#request.method;
  }

  get path(): string {
    const { pathname, search } = new URL(this.#request.url);
    return pathname + search;
  }

  get headers(): HeaderIndex {
    return this.fields.index;
  }

  toOutbound(): OutboundRequest {
    const { method, url } = this.#request;
    return { method, url, headers: this.fields.toLines(), body: this.body };
  }
}

export interface FetchedReply {
  readonly status: number;
  readonly headers: HeaderIndex;
  readonly body: Uint8Array;
}

/** Undefined when it has failed; the log says why. */
export type PendingRequest = Pending<OutboundReply | undefined>;

export class OutboundState {
  readonly requests: HandleTable<CreatedRequest>;
  readonly pending: HandleTable<PendingRequest>;
  readonly replies: HandleTable<FetchedReply>;
  readonly #limits: Limits;
  readonly #capabilities: Capabilities;
  readonly #underWay = new PendingSet();
  readonly #held: HeldForRun;

  constructor(limits: Limits, run: Pick<Run, 'capabilities' | 'hostMemory'>) {
    this.#limits = limits;
    this.#capabilities = run.capabilities;
    this.#held = new HeldForRun(run.hostMemory, limits.memoryBytesMax);
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
   * Before the body of `request` is replaced by one of `len` bytes.
   *
   * @throws ObjectError when the bodies of the run would be too many bytes
   */
  makeRoom(request: CreatedRequest, len: number): void {
    const more = len - request.body.length;
    if (more > 0) this.#held.hold(more);
    else this.#held.release(-more);
  }

  /**
   * Consumes the request `handle` and sends it.
   *
   * @throws HandleError
   */
  send(handle: number): PendingRequest {
    return this.#start(this.requests.take(handle));
  }

  /** The same, as a pending handle. On HandleError the request is not consumed. */
  sendAsync(handle: number): number {
    const request = this.requests.get(handle);
    this.pending.requireRoom();
    this.requests.drop(handle);
    return this.pending.add(this.#start(request));
  }

  /**
   * The handle of a settled request's response, or -1 when it has failed.
   *
   * @throws HandleError
   */
  keepReply(pending: PendingRequest): number {
    const reply = pending.outcome?.kind === 'done' ? pending.outcome.value : undefined;
    if (reply === undefined) return -1;
    const { status, headers, body } = reply;
    return this.replies.add({ status, headers: indexHeaders(headers), body });
  }

  giveUpAll(): void {
    this.#underWay.giveUpAll();
  }

  #start(request: CreatedRequest): PendingRequest {
    return this.#underWay.start(({ signal }) => this.#exchange(request, signal));
  }

  async #exchange(
    request: CreatedRequest,
    signal: AbortSignal,
  ): Promise<OutboundReply | undefined> {
    try {
      const reply = await this.#capabilities.fetch.send(request.toOutbound(), signal);
      this.#held.hold(countBytes(reply));
      return reply;
    } catch (error) {
      if (!signal.aborted) {
        const reason = error instanceof Error ? error.message : String(error);
        this.#capabilities.log.write('warn', reason);
      }
      return undefined;
    } finally {
      this.#held.release(request.body.length);
    }
  }
}

function countBytes(reply: OutboundReply): number {
  let bytes = reply.body.length;
  for (const [name, value] of reply.headers) bytes += name.length + value.length;
  return bytes;
}
