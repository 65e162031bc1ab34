/**
 * Requests that go to back-ends through the cache: what is kept and fresh is the answer, of equal
 * requests under way one is sent, and what may be kept is (docs/spec/fastly.md, "Reading through").
 */
import { Buffer } from 'node:buffer';
import type {
  Cache,
  CacheEntry,
  FoundObject,
  ObjectOptions,
} from '../../../capability/cache/contract.ts';
import type {
  Backend,
  OutboundRequest,
  StreamedReply,
} from '../../../capability/fetch/contract.ts';
import { CapabilityRefusal } from '../../../capability/refusal.ts';
import { backendHeaders, hasValidator, refreshed } from '../../../http/cached-reply.ts';
import {
  type CacheableResponse,
  cachePolicyOf,
  isCacheableRequest,
  storabilityOf,
  surrogateKeysOf,
} from '../../../http/caching.ts';
import { firstField } from '../../../http/fields.ts';
import type { Header } from '../../../http/message.ts';
import type { FastlyRun } from '../run.ts';
import {
  forOneMs,
  headOf,
  openReply,
  responseKeyBytes,
  responseKeyOf,
  retold,
  serverOf,
  toObjectOptions,
} from './kept-response.ts';
import type { CacheOverride } from './override.ts';

export interface ReadThrough {
  readonly outbound: OutboundRequest;
  /** Where it goes. */
  readonly backend: Backend;
  readonly override: CacheOverride | undefined;
  /** Sends it. */
  readonly open: (request: OutboundRequest, signal: AbortSignal) => Promise<StreamedReply>;
}

/** By which kits name the key of a request; it is for the cache alone. */
const keyHeader = 'fastly-xqd-cache-key';
/** So long nobody waits for what was not kept this once, such as an error. */
const notNowMs = 1_000;
const nsPerMs = 1_000_000n;

/** As `Fetch.open`, by way of the cache; what it brings to the cache may outlive the run. */
export async function openThroughCache(
  run: FastlyRun,
  { backend, open, outbound: wanted, override }: ReadThrough,
  signal: AbortSignal,
): Promise<StreamedReply> {
  const named = wanted.headers.map(([name, value]): Header => [name.toLowerCase(), value]);
  const headers = named.filter(([name]) => name !== keyHeader);
  const outbound = { ...wanted, headers: wanted.headers.filter(isForServer) };
  if (override?.isPass === true || !isForCache(outbound)) return await open(outbound, signal);
  const trip = new Trip(run, { outbound, backend, headers, override, open });
  const reply = await trip.answer(keyOf(named, outbound, backend), signal);
  // Nobody may want it any more; of what the cache gives, the signal knows nothing.
  if (signal.aborted) reply.body.cancel();
  signal.addEventListener('abort', () => reply.body.cancel());
  return reply;
}

interface TripOptions extends ReadThrough {
  /** Names in lower case. */
  readonly headers: readonly Header[];
}

/** One request on its way. */
class Trip {
  readonly #run: FastlyRun;
  readonly #cache: Cache;
  readonly #options: TripOptions;

  constructor(run: FastlyRun, options: TripOptions) {
    this.#run = run;
    this.#cache = run.capabilities.cache.apart();
    this.#options = options;
  }

  async answer(key: Uint8Array, signal: AbortSignal): Promise<StreamedReply> {
    const { open, outbound } = this.#options;
    let goesOn = false;
    try {
      const entry = await this.#look(key, signal);
      const found = entry?.found;
      if (entry !== undefined && found?.isUsable === true) {
        const reply = await this.#replyOf(found);
        goesOn = entry.isObliged;
        if (goesOn) this.#refreshLater(entry);
        return reply;
      }
      if (entry?.isObliged !== true) return await open(outbound, signal);
      return await this.#bring(entry, signal);
    } finally {
      if (!goesOn) this.#cache.close();
    }
  }

  /** Undefined where the cache cannot be asked now: then nothing is kept, and nobody waits. */
  async #look(key: Uint8Array, signal: AbortSignal): Promise<CacheEntry | undefined> {
    const { headers, outbound } = this.#options;
    const address = { space: 'http', key, headers } as const;
    // A part of a response is not kept, nor what the server says to one person alone.
    const isPartial = ['range', 'authorization'].some(
      (name) => firstField(headers, name) !== undefined,
    );
    try {
      if (isPartial || outbound.method === 'HEAD') return await this.#cache.find(address);
      return await this.#cache.enter(address, { signal });
    } catch (error) {
      const isOver = signal.aborted || !(error instanceof CapabilityRefusal);
      if (isOver) throw error;
      this.#run.capabilities.log.write('warn', error.message);
      return undefined;
    }
  }

  /** The visitor has the stale response; the new one comes also after the run has ended. */
  #refreshLater(entry: CacheEntry): void {
    const { log } = this.#run.capabilities;
    void this.#bring(entry, new AbortController().signal)
      .then(
        (reply) => reply.body.cancel(),
        (error: unknown) => log.write('warn', `Cannot refresh what is kept: ${String(error)}`),
      )
      .finally(() => this.#cache.close());
  }

  async #bring(entry: CacheEntry, signal: AbortSignal): Promise<StreamedReply> {
    const { found } = entry;
    const { open, outbound } = this.#options;
    const kept = found === undefined ? undefined : headOf(found);
    const asked = kept !== undefined && hasValidator(kept) ? kept : undefined;
    try {
      const headers = backendHeaders(this.#options.headers, asked);
      const reply = await open({ ...outbound, headers }, signal);
      const isError = reply.status >= 500;
      if (isError && found?.isUsableIfError === true) {
        reply.body.cancel();
        return await this.#chooseStale(entry, found);
      }
      if (reply.status === 304 && found !== undefined && asked !== undefined) {
        reply.body.cancel();
        return await this.#replyOf(await this.#refresh(entry, found, refreshed(asked, reply)));
      }
      return await this.#keep(entry, reply);
    } catch (error) {
      if (found?.isUsableIfError === true && entry.isObliged) {
        return await this.#chooseStale(entry, found);
      }
      entry.giveUp();
      throw error;
    }
  }

  async #keep(entry: CacheEntry, reply: StreamedReply): Promise<StreamedReply> {
    const { headers, outbound, override } = this.#options;
    const isForced = override?.maxAgeMs !== undefined;
    const storability = storabilityOf({ method: outbound.method, headers }, reply, isForced);
    const { knownBytes } = reply.body;
    const isTooLarge = (knownBytes ?? 0) > this.#run.limits.cacheEntryBytesMax;
    if (storability === 'store' && !isTooLarge) {
      const { status } = reply;
      const options = this.#optionsOf({ status, headers: reply.headers }, knownBytes);
      const kept = await this.#replyOf(await entry.insert(options, reply.body));
      return { ...kept, server: reply.server };
    }
    if (storability === 'never' || isTooLarge) {
      entry.recordUncacheable({ maxAgeMs: forOneMs, varyBy: [] });
    } else if (entry.found === undefined) {
      entry.recordUncacheable({ maxAgeMs: notNowMs, varyBy: [] });
    } else {
      entry.giveUp();
    }
    return reply;
  }

  /**
   * The server says that `found` holds, with this head from now on: maybe one by which it is for
   * this visitor alone. Where the cache has given it up meanwhile, it still holds.
   */
  async #refresh(
    entry: CacheEntry,
    found: FoundObject,
    head: CacheableResponse,
  ): Promise<FoundObject> {
    const { headers, outbound, override } = this.#options;
    const isForced = override?.maxAgeMs !== undefined;
    if (storabilityOf({ method: outbound.method, headers }, head, isForced) === 'never') {
      entry.recordUncacheable({ maxAgeMs: forOneMs, varyBy: [] });
      return retold(found, this.#optionsOf(head));
    }
    try {
      return await entry.update(this.#optionsOf(head));
    } catch (error) {
      if (!(error instanceof CapabilityRefusal)) throw error;
      return found;
    }
  }

  async #chooseStale(entry: CacheEntry, found: FoundObject): Promise<StreamedReply> {
    entry.chooseStale();
    return await this.#replyOf(found);
  }

  #optionsOf(head: CacheableResponse, knownBytes?: number): ObjectOptions {
    const { override } = this.#options;
    const policy = cachePolicyOf(head, this.#nowMs);
    return toObjectOptions(
      {
        ...policy,
        maxAgeMs: override?.maxAgeMs ?? policy.maxAgeMs,
        staleWhileRevalidateMs: override?.staleWhileRevalidateMs ?? policy.staleWhileRevalidateMs,
        surrogateKeys: surrogateKeysOf(
          [...policy.surrogateKeys, ...(override?.surrogateKeys ?? [])].join(' '),
        ),
        knownBytes,
      },
      head,
      override?.isSensitive,
    );
  }

  #replyOf(found: FoundObject): Promise<StreamedReply> {
    const { headers, outbound } = this.#options;
    return openReply(found, { method: outbound.method, headers }, this.#nowMs);
  }

  get #nowMs(): number {
    return Number(this.#run.capabilities.clock.nowNs() / nsPerMs);
  }
}

function isForServer([name]: Header): boolean {
  return name.toLowerCase() !== keyHeader;
}

function isForCache({ body, headers, method }: OutboundRequest): boolean {
  const isEmpty = body instanceof Uint8Array ? body.length === 0 : body.knownBytes === 0;
  return isEmpty && isCacheableRequest({ method, headers });
}

/** What the guest has named, or all by which the response differs. */
function keyOf(
  headers: readonly Header[],
  { decodesGzip, url }: OutboundRequest,
  backend: Backend,
): Uint8Array {
  const text = firstField(headers, keyHeader) ?? '';
  const own = /^[0-9a-f]+$/i.test(text) ? Buffer.from(text, 'hex') : undefined;
  if (own?.length === responseKeyBytes) return own;
  return responseKeyOf(url, serverOf(backend), decodesGzip === true ? 'decoded' : '');
}
