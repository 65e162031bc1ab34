/**
 * Addresses that misuse HTTP/2: they get HTTP/1.1 for a while, where a connection has one request
 * at a time and nothing can be broken off for free. Whoever shares the address notices little.
 * Pure: the time is handed in.
 */
import { LRUCache } from 'lru-cache';
import { TokenBuckets } from '../../account/token-buckets.ts';
import { clientNetwork } from '../../names.ts';

/** Requests that one address may break off, over all of its connections, and then a second. */
const resets = { burst: 400, perSecond: 20 };
const restsMs = 30_000;
const addressesMax = 10_000;
/** The connection was ended by us: floods, broken frames. Others are the network's. */
const offences = new Set(['ERR_HTTP2_ERROR', 'ERR_HTTP2_TOO_MANY_INVALID_FRAMES']);
/** nghttp2: no HTTP/2 at all, as from `openssl s_client`; a probe costs its neighbours nothing. */
const badClientMagic = -903;

export class Http2Offenders {
  readonly #nowMs: () => number;
  readonly #resets = new TokenBuckets(resets, addressesMax);
  readonly #restsUntilMs = new LRUCache<string, number>({ max: addressesMax });

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** A session from `address` ended with `error`. */
  noteEnd(address: string, error: NodeJS.ErrnoException): void {
    if (error.errno === badClientMagic) return;
    if (offences.has(error.code ?? '')) this.#rest(address);
  }

  /** A session from `address` was cut for what it sent besides its requests. */
  noteFlood(address: string): void {
    this.#rest(address);
  }

  /** A client at `address` broke a request off. */
  noteReset(address: string): void {
    if (!this.#resets.take(clientNetwork(address), this.#nowMs())) this.#rest(address);
  }

  mayUseHttp2(address: string): boolean {
    return (this.#restsUntilMs.get(clientNetwork(address)) ?? 0) <= this.#nowMs();
  }

  #rest(address: string): void {
    this.#restsUntilMs.set(clientNetwork(address), this.#nowMs() + restsMs);
  }
}
