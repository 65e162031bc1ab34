/** HTTP requests of guests, on the connections of one serving thread. */
import type { Account } from '../../account/account.ts';
import { type FolderKey, type OwnerKey, ownerOf } from '../../names.ts';
import { AddressFilter, type IsClosed } from './addresses.ts';
import { pathFor } from './backends.ts';
import type { Lookup } from './connect.ts';
import type { Backend, BackendHealth, Fetch, OutboundRequest } from './contract.ts';
import type { ServerExchange } from './exchange.ts';
import { Health } from './health.ts';
import { HeldBytes } from './held-bytes.ts';
import { type Destination, type PoolLimits, Pools } from './pools.ts';
import { limitRefusal } from './refusals.ts';
import {
  type Outbound,
  RunFetch,
  type RunFetchLimits,
  type RunOrigin,
  type SentRequest,
} from './run-fetch.ts';
import { isChunked, isStreamed, toSentBody } from './sent-body.ts';
import { timesOf } from './times.ts';
import type { Visits } from './visits.ts';

export type OutboundLimits = RunFetchLimits & PoolLimits;

export interface OutboundOptions {
  readonly limits: OutboundLimits;
  readonly visits: Visits;
  /** Networks that guests may reach although they are not public. */
  readonly allowedCidrs: readonly string[];
  /** What of this machine is closed to its own guests. */
  readonly isClosed: IsClosed;
  /** Resolves names for the guests of an owner; its answers are judged, not trusted. */
  readonly lookupOf: (owner: OwnerKey) => Lookup;
  /** Charged with what is held for owners. */
  readonly account?: Account | undefined;
  /** Pools kept; the least recently used one is closed when its last request has ended. */
  readonly poolsMax?: number;
  /** Of these, for the folders of one owner. */
  readonly poolsPerOwnerMax?: number;
  /** Requests sent or waiting for a socket, for one folder and origin. */
  readonly inFlightPerOriginMax?: number;
  /** Bytes of bodies under way on this thread, both directions. */
  readonly heldBytesMax?: number;
}

const poolsMaxDefault = 512;
const poolsPerOwnerMaxDefault = 128;
const inFlightPerOriginMaxDefault = 512;
const heldBytesMaxDefault = 256 * 1024 * 1024;

/** One a serving thread: the connections of all its guests. */
export class OutboundHttp implements Outbound {
  readonly limits: OutboundLimits;
  readonly visits: Visits;
  /** Of bodies under way. */
  readonly held: HeldBytes;
  readonly #filter: AddressFilter;
  readonly #pools: Pools;
  readonly #health: Health;
  readonly #inFlightPerOriginMax: number;

  /** @throws CapabilityRefusal (`input`) for a malformed CIDR */
  constructor(options: OutboundOptions) {
    const { limits, lookupOf } = options;
    this.limits = limits;
    this.visits = options.visits;
    this.held = new HeldBytes(options.heldBytesMax ?? heldBytesMaxDefault, options.account);
    this.#filter = new AddressFilter(options.allowedCidrs, options.isClosed);
    const filter = this.#filter;
    const poolsMax = options.poolsMax ?? poolsMaxDefault;
    const poolsPerOwnerMax = options.poolsPerOwnerMax ?? poolsPerOwnerMaxDefault;
    this.#pools = new Pools({ limits, filter, lookupOf, poolsMax, poolsPerOwnerMax });
    this.#health = new Health(this.#pools);
    this.#inFlightPerOriginMax = options.inFlightPerOriginMax ?? inFlightPerOriginMaxDefault;
  }

  /** Networks that guests may reach although private, from now on. */
  allow(cidrs: readonly string[]): void {
    this.#filter.allow(cidrs);
  }

  /** Outbound HTTP for one run, counting from zero. */
  forRun(origin: RunOrigin): Fetch {
    return new RunFetch(this, origin);
  }

  /** Whether a back-end is well; somebody asks from now on, if the folder says how. */
  healthOf(folderKey: FolderKey, backend: Backend): BackendHealth {
    return this.#health.of(folderKey, backend);
  }

  dispatch(destination: Destination, sent: SentRequest, exchange: ServerExchange): void {
    const { folderKey, origin, backend } = destination;
    const { request, url, protocol } = sent;
    const entry = this.#pools.of(destination);
    if (entry.inFlight >= this.#inFlightPerOriginMax) {
      const rule = `a site may wait for ${this.#inFlightPerOriginMax} replies of one server`;
      exchange.giveUp(limitRefusal(rule, `one more for ${origin}; try again`));
      return;
    }
    const { body } = request;
    // A streamed body is held where it comes from.
    const bodyBytes = isStreamed(body) ? 0 : body.byteLength;
    const owner = ownerOf(folderKey);
    const refusal = this.held.hold(owner, bodyBytes);
    if (refusal !== undefined) {
      exchange.giveUp(refusal);
      return;
    }
    entry.inFlight += 1;
    exchange.onceOver(() => {
      entry.inFlight -= 1;
      this.held.release(owner, bodyBytes);
    });
    const path = backend === undefined ? url.pathname + url.search : pathFor(backend, url);
    const { method } = request;
    const own = ownTimes(request, this.limits);
    // gRPC is HTTP/2, which has frames and no chunks; its clients have no trailers.
    if (isChunked(body) && backend?.grpc !== true) {
      const { headers } = request;
      const times = { ...timesOf(backend, this.limits), ...own };
      entry.chunked.send({ method, path, headers, host: url.host, body, ...times }, exchange);
      return;
    }
    const options = {
      ...{ path, method },
      headers: headersOf(request),
      body: toSentBody(body),
      // Otherwise undici would derive it from the Host header, which is the guest's to choose.
      servername: backend?.address.host ?? url.hostname,
      ...(protocol === undefined ? {} : { upgrade: protocol }),
      ...(own.firstByteMs === undefined ? {} : { headersTimeout: own.firstByteMs }),
      ...(own.betweenBytesMs === undefined ? {} : { bodyTimeout: own.betweenBytesMs }),
    };
    entry.pool.dispatch(options, exchange);
  }

  /** Ends all connections, those in use too. Call it when no run is left. */
  async close(): Promise<void> {
    this.#health.close();
    await this.#pools.close();
  }
}

/** Those that the request itself brings, within the operator's limit. */
function ownTimes(
  { firstByteMs, betweenBytesMs }: OutboundRequest,
  { outboundTimeoutMs: max }: OutboundLimits,
): { firstByteMs?: number; betweenBytesMs?: number } {
  return {
    ...(firstByteMs === undefined ? {} : { firstByteMs: Math.min(firstByteMs, max) }),
    ...(betweenBytesMs === undefined ? {} : { betweenBytesMs: Math.min(betweenBytesMs, max) }),
  };
}

/** Names and values in turn. The length of a streamed body is said where it is known. */
function headersOf({ headers, body }: OutboundRequest): string[] {
  const flat = headers.flat();
  if (isStreamed(body) && body.knownBytes !== undefined) {
    flat.push('content-length', String(body.knownBytes));
  }
  return flat;
}
