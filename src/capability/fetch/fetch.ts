/**
 * HTTP requests of guests. Edge: other people's servers, by undici.
 *
 * Connections are pooled per folder and origin, never shared between folders: a request whose body
 * its server leaves unread can make that server answer the next one on the same connection with
 * what the body says. Mallory may do that to her own pool, not to Alice's.
 */

import { LRUCache } from 'lru-cache';
import { Pool } from 'undici';
import { Counts } from '../../account/counts.ts';
import { inBytes } from '../../amounts.ts';
import type { Limits } from '../../config/config.ts';
import type { Header } from '../../http/message.ts';
import { type FolderKey, type OwnerKey, ownerOf } from '../../names.ts';
import { CapabilityRefusal } from '../refusal.ts';
import { AddressFilter, type IsClosed } from './addresses.ts';
import { createConnector, type Lookup } from './connect.ts';
import type { Fetch, OutboundReply, OutboundRequest } from './contract.ts';
import { parseMethod, parseTarget, redirected, requestHeaders } from './headers.ts';
import { Patience } from './patience.ts';
import { isStaleConnection, ReplyCollector, toRefusal } from './reply.ts';
import type { Visits } from './visits.ts';

export type OutboundLimits = Pick<
  Limits,
  | 'outboundRequestsPerRunMax'
  | 'outboundRequestBytesMax'
  | 'outboundReplyBytesMax'
  | 'outboundTimeoutMs'
  | 'outboundRedirectsMax'
  | 'outboundSocketsPerOriginMax'
  | 'targetBytesMax'
  | 'headersMax'
  | 'headerBytesMax'
  | 'replyHeadersMax'
  | 'replyHeaderBytesMax'
>;

export interface OutboundOptions {
  readonly limits: OutboundLimits;
  readonly visits: Visits;
  /** Networks that guests may reach although they are not public. */
  readonly allowedCidrs: readonly string[];
  /** What of this machine is closed to its own guests. */
  readonly isClosed: IsClosed;
  /** Resolves names for the guests of an owner; its answers are judged, not trusted. */
  readonly lookupOf: (owner: OwnerKey) => Lookup;
  /** Pools kept; the least recently used one is closed when its last request has ended. */
  readonly poolsMax?: number;
  /** Requests sent or waiting for a socket, for one folder and origin. */
  readonly inFlightPerOriginMax?: number;
  /** Bytes of bodies under way on this thread, both directions. */
  readonly heldBytesMax?: number;
}

export interface RunOrigin {
  readonly folderKey: FolderKey;
  /** From `countLoopHops` of the request that started the run; 0 when it is not known. */
  readonly loopHops: number;
  /** From `Visits.enter` of that request; left out where a visitor sent it. */
  readonly visit?: string | undefined;
}

const connectTimeoutMsMax = 10_000;
const keepAliveMs = 10_000;
const keepAliveMsMax = 60_000;
const poolsMaxDefault = 512;
const inFlightPerOriginMaxDefault = 512;
const heldBytesMaxDefault = 256 * 1024 * 1024;
/** Of these, what one owner may have: others must be able to fetch something, too. */
const ownerShareMax = 3 / 4;
/** What all replies of one run may weigh together, in replies of full size. */
const fullRepliesPerRunMax = 4;

interface OriginPool {
  readonly pool: Pool;
  inFlight: number;
}

/** One a serving thread: the connections of all its guests. */
export class OutboundHttp {
  readonly limits: OutboundLimits;
  readonly visits: Visits;
  readonly #connectorOf: (owner: OwnerKey) => ReturnType<typeof createConnector>;
  readonly #pools: LRUCache<string, OriginPool>;
  readonly #inFlightPerOriginMax: number;
  readonly #heldBytesMax: number;
  /** Of bodies under way. */
  readonly #heldBytes = new Counts<OwnerKey>();
  #isClosed = false;

  /** Throws CapabilityRefusal (`input`) for a malformed CIDR. */
  constructor(options: OutboundOptions) {
    const { limits, lookupOf } = options;
    this.limits = limits;
    this.visits = options.visits;
    const filter = new AddressFilter(options.allowedCidrs, options.isClosed);
    const timeoutMs = Math.min(connectTimeoutMsMax, limits.outboundTimeoutMs);
    this.#connectorOf = (owner) => createConnector({ filter, lookup: lookupOf(owner), timeoutMs });
    this.#pools = new LRUCache({
      max: options.poolsMax ?? poolsMaxDefault,
      dispose: ({ pool }) => closePool(pool),
    });
    this.#inFlightPerOriginMax = options.inFlightPerOriginMax ?? inFlightPerOriginMaxDefault;
    this.#heldBytesMax = options.heldBytesMax ?? heldBytesMaxDefault;
  }

  /** Outbound HTTP for one run, counting from zero. */
  forRun(origin: RunOrigin): Fetch {
    return new RunFetch(this, origin);
  }

  /** @internal Sends one request; `collector` gets the reply. */
  dispatch(folderKey: FolderKey, request: OutboundRequest, collector: ReplyCollector): void {
    const url = new URL(request.url);
    const entry = this.#poolOf(folderKey, url.origin);
    if (entry.inFlight >= this.#inFlightPerOriginMax) {
      const rule = `a site may wait for ${this.#inFlightPerOriginMax} replies of one server`;
      collector.giveUp(refuse('limit', rule, `one more for ${url.origin}; try again`));
      return;
    }
    const bodyBytes = request.body.byteLength;
    const owner = ownerOf(folderKey);
    const refusal = this.hold(owner, bodyBytes);
    if (refusal !== undefined) {
      collector.giveUp(refusal);
      return;
    }
    entry.inFlight += 1;
    collector.onceOver(() => {
      entry.inFlight -= 1;
      this.release(owner, bodyBytes);
    });
    const options = {
      path: url.pathname + url.search,
      method: request.method,
      headers: request.headers.flat(),
      body: bodyBytes === 0 ? null : request.body,
      // Otherwise undici would derive it from the Host header, which is the guest's to choose.
      servername: url.hostname,
    };
    entry.pool.dispatch(options, collector);
  }

  /** @internal Counts `bytes` as held on this thread for the owner, or says why not. */
  hold(owner: OwnerKey, bytes: number): CapabilityRefusal | undefined {
    const max = this.#heldBytesMax;
    const ownerMax = Math.floor(max * ownerShareMax);
    const owned = this.#heldBytes.of(owner) + bytes;
    if (owned > ownerMax || this.#heldBytes.total + bytes > max) {
      const rule = `bodies under way may have ${inBytes(max)} together`;
      const ownerRule = `those of one owner ${inBytes(ownerMax)}`;
      return refuse('limit', `${rule}, ${ownerRule}`, 'more; try again');
    }
    this.#heldBytes.add(owner, bytes);
    return undefined;
  }

  /** @internal */
  release(owner: OwnerKey, bytes: number): void {
    this.#heldBytes.add(owner, -bytes);
  }

  /** Ends all connections, those in use too. Call it when no run is left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const pools = [...this.#pools.values()].map(({ pool }) => pool);
    await Promise.all(pools.map((pool) => pool.destroy()));
    this.#pools.clear();
  }

  #poolOf(folderKey: FolderKey, origin: string): OriginPool {
    if (this.#isClosed) throw refuse('unavailable', 'the server is about to stop', origin);
    const key = `${folderKey}\0${origin}`;
    const known = this.#pools.get(key);
    if (known !== undefined) return known;
    const { limits } = this;
    const pool = new Pool(origin, {
      connect: this.#connectorOf(ownerOf(folderKey)),
      connections: limits.outboundSocketsPerOriginMax,
      allowH2: false,
      pipelining: 1,
      maxHeaderSize: limits.replyHeaderBytesMax,
      headersTimeout: limits.outboundTimeoutMs,
      bodyTimeout: limits.outboundTimeoutMs,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveMsMax,
    });
    const entry = { pool, inFlight: 0 };
    this.#pools.set(key, entry);
    return entry;
  }
}

class RunFetch implements Fetch {
  readonly #outbound: OutboundHttp;
  readonly #origin: RunOrigin;
  #requests = 0;
  #replyBytes = 0;
  #visit: string | undefined;

  constructor(outbound: OutboundHttp, origin: RunOrigin) {
    this.#outbound = outbound;
    this.#origin = origin;
  }

  async send(request: OutboundRequest, signal: AbortSignal): Promise<OutboundReply> {
    const { limits } = this.#outbound;
    let current = this.#admit(request);
    const patience = new Patience(signal, limits.outboundTimeoutMs);
    try {
      for (let redirects = 0; ; redirects += 1) {
        const reply = await this.#exchange(current, patience);
        const next = redirected(current, reply);
        if (next === undefined) return reply;
        if (redirects >= limits.outboundRedirectsMax) {
          const rule = `at most ${limits.outboundRedirectsMax} redirects are followed`;
          throw refuse('limit', rule, `one more to ${next.url}`);
        }
        current = next;
      }
    } catch (error) {
      throw toRefusal(error);
    } finally {
      patience.end();
    }
  }

  #admit(request: OutboundRequest): OutboundRequest {
    this.#visit ??= this.#origin.visit ?? this.#outbound.visits.open();
    const { limits } = this.#outbound;
    return admitRequest(request, { limits, hops: this.#origin.loopHops, visit: this.#visit });
  }

  /**
   * One request and its reply. A kept connection may be closed by the server in the moment it is
   * used again; what is safe to repeat is then repeated once (RFC 9110, section 9.2.2).
   */
  async #exchange(request: OutboundRequest, patience: Patience): Promise<OutboundReply> {
    const first = this.#dispatch(request, patience);
    try {
      return await first.reply;
    } catch (error) {
      const isSafe = request.method === 'GET' || request.method === 'HEAD';
      const isRepeatable = isSafe && request.body.byteLength === 0 && !first.hasBegun;
      if (!isRepeatable || !isStaleConnection(error)) throw error;
      return await this.#dispatch(request, patience).reply;
    }
  }

  #dispatch(request: OutboundRequest, patience: Patience): ReplyCollector {
    const { limits } = this.#outbound;
    this.#requests += 1;
    if (this.#requests > limits.outboundRequestsPerRunMax) {
      const rule = `a run may send ${limits.outboundRequestsPerRunMax} requests, redirects counted`;
      throw refuse('limit', rule, 'one more');
    }
    const collector = new ReplyCollector(
      { replyBytesMax: limits.outboundReplyBytesMax, headersMax: limits.replyHeadersMax },
      {
        take: (bytes) => this.#take(bytes),
        release: (bytes) => this.#outbound.release(ownerOf(this.#origin.folderKey), bytes),
      },
    );
    patience.watch(collector);
    this.#outbound.dispatch(this.#origin.folderKey, request, collector);
    return collector;
  }

  #take(bytes: number): CapabilityRefusal | undefined {
    const runBytesMax = this.#outbound.limits.outboundReplyBytesMax * fullRepliesPerRunMax;
    if (this.#replyBytes + bytes > runBytesMax) {
      return refuse('limit', `all replies of a run have at most ${inBytes(runBytesMax)}`, 'more');
    }
    const refusal = this.#outbound.hold(ownerOf(this.#origin.folderKey), bytes);
    if (refusal === undefined) this.#replyBytes += bytes;
    return refusal;
  }
}

/** The door: a guest's request, checked and in the form it is sent. Throws CapabilityRefusal. */
function admitRequest(
  request: OutboundRequest,
  options: { readonly limits: OutboundLimits; readonly hops: number; readonly visit: string },
): OutboundRequest {
  const { limits } = options;
  if (request.url.length > limits.targetBytesMax) {
    const rule = `a URL has at most ${inBytes(limits.targetBytesMax)}`;
    throw refuse('limit', rule, `${request.url.length}`);
  }
  if (request.headers.length > limits.headersMax) {
    const rule = `a request has at most ${limits.headersMax} headers`;
    throw refuse('limit', rule, `${request.headers.length}`);
  }
  const headerBytes = countHeaderBytes(request.headers);
  if (headerBytes > limits.headerBytesMax) {
    const rule = `the headers of a request have at most ${inBytes(limits.headerBytesMax)}`;
    throw refuse('limit', rule, `${headerBytes}`);
  }
  if (request.body.byteLength > limits.outboundRequestBytesMax) {
    const rule = `the body of a request has at most ${inBytes(limits.outboundRequestBytesMax)}`;
    throw refuse('limit', rule, `${request.body.byteLength}`);
  }
  return {
    method: parseMethod(request.method),
    url: parseTarget(request.url).href,
    headers: requestHeaders(request.headers, options),
    body: ownedBytes(request.body),
  };
}

/** A view of the guest's memory could change while it is sent: the guest may go on meanwhile. */
function ownedBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}

function countHeaderBytes(headers: readonly Header[]): number {
  const lineBytes = ': \r\n'.length;
  return headers.reduce((sum, [name, value]) => sum + name.length + value.length + lineBytes, 0);
}

/** Requests under way end first; a pool that does not manage to is cut off. */
function closePool(pool: Pool): void {
  pool.close().catch(() => pool.destroy());
}

function refuse(kind: 'limit' | 'unavailable', rule: string, received: string): CapabilityRefusal {
  return new CapabilityRefusal(kind, `Cannot fetch: ${rule}: received ${received}`);
}
