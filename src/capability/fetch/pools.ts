/**
 * Connections of guests' requests. Edge: other people's servers, by undici, and by node:http for
 * what is sent in chunks.
 *
 * They are pooled per folder and origin, or back-end, and never shared between folders: a request
 * whose body its server leaves unread can make that server answer the next one on the same
 * connection with what the body says. Mallory may do that to her own pool, not to Alice's.
 */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { Pool } from 'undici';
import { Counts } from '../../account/counts.ts';
import type { Limits } from '../../config/config.ts';
import { type FolderKey, type OwnerKey, ownerOf } from '../../names.ts';
import type { AddressFilter } from './addresses.ts';
import { ChunkedClient } from './chunked-client.ts';
import { createConnector, type Lookup } from './connect.ts';
import type { Backend } from './contract.ts';
import { PoolClient, type PoolClientOptions } from './pool-client.ts';
import { refuse } from './refusals.ts';
import { timesOf } from './times.ts';

export type PoolLimits = Pick<
  Limits,
  'outboundTimeoutMs' | 'outboundSocketsPerOriginMax' | 'replyHeaderBytesMax'
>;

export interface PoolsOptions {
  readonly limits: PoolLimits;
  readonly filter: AddressFilter;
  /** Resolves names for the guests of an owner; its answers are judged, not trusted. */
  readonly lookupOf: (owner: OwnerKey) => Lookup;
  /** Pools kept; the least recently used one is closed when its last request has ended. */
  readonly poolsMax: number;
  /** Of these, for the folders of one owner. */
  readonly poolsPerOwnerMax: number;
}

export interface OriginPool {
  readonly pool: Pool;
  /** For what is sent in chunks. */
  readonly chunked: ChunkedClient;
  readonly owner: OwnerKey;
  /** Requests sent or waiting for a socket. */
  inFlight: number;
}

/** Where a request goes. */
export interface Destination {
  readonly folderKey: FolderKey;
  readonly origin: string;
  readonly backend: Backend | undefined;
}

/** Of what servers say themselves about how long they keep a connection. */
const keepAliveHintMsMax = 60_000;
/** Requests that share a connection of HTTP/2. */
const streamsPerConnectionMax = 100;

export class Pools {
  readonly #options: PoolsOptions;
  readonly #pools: LRUCache<string, OriginPool>;
  /** A folder's settings are the same object for all runs, until they change. */
  readonly #backendKeys = new WeakMap<Backend, string>();
  readonly #byOwner = new Counts<OwnerKey>();
  #isClosed = false;

  constructor(options: PoolsOptions) {
    this.#options = options;
    this.#pools = new LRUCache({
      max: options.poolsMax,
      dispose: ({ pool, chunked, owner }) => {
        this.#byOwner.add(owner, -1);
        closePool(pool);
        chunked.close();
      },
    });
  }

  /** @throws CapabilityRefusal `unavailable` after `close` */
  of(destination: Destination): OriginPool {
    const { folderKey, origin, backend } = destination;
    if (this.#isClosed) throw refuse('unavailable', 'the server is about to stop', origin);
    const key = `${folderKey}\0${origin}\0${backend === undefined ? '' : this.keyOf(backend)}`;
    const known = this.#pools.get(key);
    if (known !== undefined) return known;
    const owner = ownerOf(folderKey);
    const entry = { ...this.#open(destination), owner, inFlight: 0 };
    if (this.#byOwner.of(owner) >= this.#options.poolsPerOwnerMax) this.#closeOldestOf(owner);
    this.#byOwner.add(owner, 1);
    this.#pools.set(key, entry);
    return entry;
  }

  /** What tells its connections from those of others, secrets included. */
  keyOf(backend: Backend): string {
    let key = this.#backendKeys.get(backend);
    if (key === undefined) {
      // With its secrets: nobody who knows less may use its connections.
      key = createHash('sha256').update(JSON.stringify(backend)).digest('base64url');
      this.#backendKeys.set(backend, key);
    }
    return key;
  }

  /** Ends all connections, those in use too. Call it when no run is left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const entries = [...this.#pools.values()];
    for (const { chunked } of entries) chunked.destroy();
    await Promise.all(entries.map(({ pool }) => pool.destroy()));
    this.#pools.clear();
  }

  #open({ folderKey, origin, backend }: Destination): Pick<OriginPool, 'pool' | 'chunked'> {
    const { limits, filter, lookupOf } = this.#options;
    const { connectMs: timeoutMs, ...times } = timesOf(backend, limits);
    const lookup = lookupOf(ownerOf(folderKey));
    const socketsMax = limits.outboundSocketsPerOriginMax;
    const { usesMax, lifetimeMs, grpc = false } = backend ?? {};
    const connect = createConnector({ filter, lookup, timeoutMs, backend });
    const connections = Math.min(backend?.connectionsMax ?? socketsMax, socketsMax);
    // 0 would be refused: a connection that is not kept lasts a moment.
    const keepAliveMs = Math.max(1, times.keepAliveMs);
    const chunked = new ChunkedClient({
      ...{ origin, connect, connectionsMax: connections, keepAliveMs, usesMax, lifetimeMs },
      headerBytesMax: limits.replyHeaderBytesMax,
    });
    const pool = new Pool(origin, {
      ...{ connect, connections },
      factory: (url, options) => new PoolClient(url, options as PoolClientOptions),
      allowH2: grpc,
      pipelining: grpc ? streamsPerConnectionMax : 1,
      maxHeaderSize: limits.replyHeaderBytesMax,
      headersTimeout: times.firstByteMs,
      bodyTimeout: times.betweenBytesMs,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveHintMsMax,
      ...(usesMax === undefined ? {} : { maxRequestsPerClient: usesMax }),
      ...(lifetimeMs === undefined ? {} : { clientTtl: lifetimeMs }),
    });
    return { pool, chunked };
  }

  /** Who opens pools without end (a back-end of its own for every run) pushes out her own. */
  #closeOldestOf(owner: OwnerKey): void {
    for (const key of this.#pools.rkeys()) {
      if (this.#pools.peek(key)?.owner !== owner) continue;
      this.#pools.delete(key);
      return;
    }
  }
}

/** Requests under way end first; a pool that does not manage to is cut off. */
function closePool(pool: Pool): void {
  pool.close().catch(() => pool.destroy());
}
