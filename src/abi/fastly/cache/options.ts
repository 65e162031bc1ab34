/**
 * Options that guests give by a mask and the address of a structure: only the fields whose bit is
 * set are there, because structures have grown (docs/spec/fastly.md, "Cache").
 */
import { Buffer } from 'node:buffer';
import type { ObjectOptions } from '../../../capability/cache/contract.ts';
import { surrogateKeysOf, varyNamesMax } from '../../../http/caching.ts';
import type { Header } from '../../../http/message.ts';
import { isToken } from '../../../http/token.ts';
import type { FastlyGuest } from '../guest.ts';
import { FastlyFault } from '../status.ts';

const nsPerMs = 1_000_000;
const u64Max = 2n ** 64n - 1n;

/** @throws FastlyFault `inval` for a bit that nobody knows, such as the reserved one */
export function requireBits(mask: number, known: number): void {
  if ((mask & ~known) !== 0) throw new FastlyFault('inval');
}

export function msOf(ns: bigint): number {
  return Number(ns) / nsPerMs;
}

/** The most that there is room for, where it is more. */
export function nsOf(ms: number): bigint {
  const ns = BigInt(Math.max(0, Math.round(ms * nsPerMs)));
  return ns > u64Max ? u64Max : ns;
}

/** Fields of a request, names in lower case. @throws HandleError */
export function readHeaders(guest: FastlyGuest, handle: number): readonly Header[] {
  const lines = guest.run.requests.get(handle).headers.lines();
  return lines.map(([name, value]) => [name.toLowerCase(), value]);
}

const lookupBits = { headers: 2, service: 4, isRangeStrict: 8 };

export interface LookupOptions {
  readonly headers: readonly Header[];
  readonly isRangeStrict: boolean;
}

/** cache_lookup_options: request_headers@0, service_id@4, service_id_len@8. */
export function readLookupOptions(guest: FastlyGuest, mask: number, ptr: number): LookupOptions {
  const { headers, isRangeStrict, service } = lookupBits;
  requireBits(mask, headers | service | isRangeStrict);
  if ((mask & service) !== 0) throw new FastlyFault('unsupported');
  return {
    headers: (mask & headers) === 0 ? [] : readHeaders(guest, guest.readU32(ptr)),
    isRangeStrict: (mask & isRangeStrict) !== 0,
  };
}

const writeBits = {
  headers: 2,
  varyBy: 4,
  initialAge: 8,
  staleWhileRevalidate: 16,
  surrogateKeys: 32,
  length: 64,
  metadata: 128,
  sensitive: 256,
  edgeMaxAge: 512,
  service: 1024,
};
const allWriteBits = Object.values(writeBits).reduce((mask, bit) => mask | bit);

export interface WriteOptions {
  readonly options: ObjectOptions;
  /** Of the request that the object is for; only where a lookup has not told them. */
  readonly headers: readonly Header[];
}

/**
 * cache_write_options: max_age_ns@0 (always), request_headers@8, vary_rule@12, initial_age_ns@24,
 * stale_while_revalidate_ns@32, surrogate_keys@40, length@48, user_metadata@56, edge_max_age_ns@64.
 */
export function readWriteOptions(
  guest: FastlyGuest,
  mask: number,
  ptr: number,
  inTransaction: boolean,
): WriteOptions {
  const has = (bit: number): boolean => (mask & bit) !== 0;
  requireBits(mask, allWriteBits);
  if (has(writeBits.service)) throw new FastlyFault('unsupported');
  if (inTransaction && has(writeBits.headers)) throw new FastlyFault('inval');
  const at = ptr >>> 0;
  const maxAgeMs = msOf(guest.readU64(at));
  const ms = (bit: number, offset: number): number =>
    has(bit) ? msOf(guest.readU64(at + offset)) : 0;
  // How long the node next to the visitor may keep it, where that is another: here it is not.
  if (ms(writeBits.edgeMaxAge, 64) > maxAgeMs) throw new FastlyFault('inval');
  const part = (bit: number, offset: number): Uint8Array | undefined =>
    has(bit) ? readPart(guest, at + offset) : undefined;
  return {
    headers: has(writeBits.headers) ? readHeaders(guest, guest.readU32(at + 8)) : [],
    options: {
      maxAgeMs,
      initialAgeMs: ms(writeBits.initialAge, 24),
      staleWhileRevalidateMs: ms(writeBits.staleWhileRevalidate, 32),
      staleIfErrorMs: 0,
      varyBy: toVaryRule(part(writeBits.varyBy, 12)),
      surrogateKeys: toSurrogateKeys(part(writeBits.surrogateKeys, 40)),
      knownBytes: has(writeBits.length) ? toLength(guest.readU64(at + 48)) : undefined,
      metadata: part(writeBits.metadata, 56) ?? new Uint8Array(0),
      isSensitive: has(writeBits.sensitive),
    },
  };
}

/** Bytes by an address and a length. @throws FastlyFault `inval` */
export function readPart(guest: FastlyGuest, at: number): Uint8Array {
  const bytesMax = guest.limits.cacheMetadataBytesMax;
  const ptr = guest.readU32(at);
  const length = guest.readU32(at + 4);
  if (length > bytesMax) throw new FastlyFault('limitexceeded');
  return guest.readBytes(ptr, length, bytesMax);
}

/**
 * Names with spaces between.
 *
 * @throws FastlyFault `inval` for what is no name of a field, `limitexceeded`
 */
export function toVaryRule(bytes: Uint8Array | undefined): readonly string[] {
  const names = toText(bytes)
    .split(' ')
    .filter((name) => name !== '');
  if (!names.every(isToken)) throw new FastlyFault('inval');
  const distinct = new Set(names.map((name) => name.toLowerCase()));
  if (distinct.size > varyNamesMax) throw new FastlyFault('limitexceeded');
  return [...distinct].sort();
}

export function toSurrogateKeys(bytes: Uint8Array | undefined): readonly string[] {
  return surrogateKeysOf(toText(bytes));
}

/** @throws FastlyFault `inval` for more than there can be */
export function toLength(bytes: bigint): number {
  if (bytes > BigInt(Number.MAX_SAFE_INTEGER)) throw new FastlyFault('inval');
  return Number(bytes);
}

function toText(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('latin1');
}

const rangeBits = { from: 2, to: 4 };

/** cache_get_body_options: from@0, to@8. */
export function readRange(
  guest: FastlyGuest,
  mask: number,
  ptr: number,
): { readonly from: number | undefined; readonly to: number | undefined } {
  requireBits(mask, rangeBits.from | rangeBits.to);
  const at = ptr >>> 0;
  return {
    from: (mask & rangeBits.from) === 0 ? undefined : toLength(guest.readU64(at)),
    to: (mask & rangeBits.to) === 0 ? undefined : toLength(guest.readU64(at + 8)),
  };
}
