/** Options of the cache of answers (docs/spec/fastly.md, "Cache of answers"). */
import { Buffer } from 'node:buffer';
import type { ObjectOptions } from '../../../capability/cache/contract.ts';
import type { CacheableResponse, CachePolicy } from '../../../http/caching.ts';
import { toObjectOptions } from '../cache/kept-response.ts';
import {
  msOf,
  nsOf,
  readPart,
  requireBits,
  toLength,
  toSurrogateKeys,
  toVaryRule,
} from '../cache/options.ts';
import type { FastlyGuest } from '../guest.ts';
import { type Status, status } from '../status.ts';

const bits = {
  varyBy: 2,
  initialAge: 4,
  staleWhileRevalidate: 8,
  surrogateKeys: 16,
  length: 32,
  sensitive: 64,
  staleIfError: 128,
};
/** The vendor's crate for Rust asks for every bit that it knows, and this is one of them. */
const reservedBit = 1;
const allBits = Object.values(bits).reduce((mask, bit) => mask | bit);
/** Where the fields stand. */
const at = {
  varyBy: 8,
  initialAge: 16,
  staleWhileRevalidate: 24,
  surrogateKeys: 32,
  length: 40,
  staleIfError: 48,
};

/** http_cache_write_options; max_age_ns@0 is always there. */
export function readResponseOptions(
  guest: FastlyGuest,
  mask: number,
  ptr: number,
  head: CacheableResponse,
): ObjectOptions {
  requireBits(mask, allBits);
  const start = ptr >>> 0;
  const has = (bit: number): boolean => (mask & bit) !== 0;
  const ms = (bit: number, offset: number): number =>
    has(bit) ? msOf(guest.readU64(start + offset)) : 0;
  const part = (bit: number, offset: number): Uint8Array | undefined =>
    has(bit) ? readPart(guest, start + offset) : undefined;
  const policy: CachePolicy = {
    maxAgeMs: msOf(guest.readU64(start)),
    initialAgeMs: ms(bits.initialAge, at.initialAge),
    staleWhileRevalidateMs: ms(bits.staleWhileRevalidate, at.staleWhileRevalidate),
    staleIfErrorMs: ms(bits.staleIfError, at.staleIfError),
    varyBy: toVaryRule(part(bits.varyBy, at.varyBy)),
    surrogateKeys: toSurrogateKeys(part(bits.surrogateKeys, at.surrogateKeys)),
    knownBytes: has(bits.length) ? toLength(guest.readU64(start + at.length)) : undefined,
  };
  return toObjectOptions(policy, head, has(bits.sensitive));
}

interface Places {
  readonly mask: number;
  /** Rooms for lists are read here. */
  readonly opts: number;
  readonly maskOut: number;
  readonly optsOut: number;
}

/**
 * Gives what the guest asked for by its mask. Lists go where its own structure has room for them:
 * where one does not fit, `buflen`, and the structure has the lengths that are needed.
 */
export function giveResponseOptions(
  guest: FastlyGuest,
  policy: CachePolicy,
  { mask: wanted, maskOut, opts, optsOut }: Places,
): Status {
  const mask = wanted & ~reservedBit;
  requireBits(mask, allBits);
  const out = optsOut >>> 0;
  const has = (bit: number): boolean => (mask & bit) !== 0;
  let given = mask & ~(bits.length | bits.sensitive);
  guest.writeU64(out, nsOf(policy.maxAgeMs));
  const time = (bit: number, offset: number, ms: number): void => {
    if (has(bit)) guest.writeU64(out + offset, nsOf(ms));
  };
  time(bits.initialAge, at.initialAge, policy.initialAgeMs);
  time(bits.staleWhileRevalidate, at.staleWhileRevalidate, policy.staleWhileRevalidateMs);
  time(bits.staleIfError, at.staleIfError, policy.staleIfErrorMs);
  if (has(bits.length) && policy.knownBytes !== undefined) {
    guest.writeU64(out + at.length, BigInt(policy.knownBytes));
    given |= bits.length;
  }
  const list = (bit: number, offset: number, items: readonly string[]): boolean =>
    !has(bit) || giveList(guest, (opts >>> 0) + offset, out + offset, items.join(' '));
  const varyFits = list(bits.varyBy, at.varyBy, policy.varyBy);
  const keysFit = list(bits.surrogateKeys, at.surrogateKeys, policy.surrogateKeys);
  guest.writeU32(maskOut, given);
  return varyFits && keysFit ? status.ok : status.buflen;
}

/** Whether there was room. */
function giveList(guest: FastlyGuest, roomAt: number, outAt: number, text: string): boolean {
  const ptr = guest.readU32(roomAt);
  const fits = text.length <= guest.readU32(roomAt + 4);
  if (fits) guest.writeBytes(ptr, Buffer.from(text, 'latin1'));
  guest.writeU32(outAt, ptr);
  guest.writeU32(outAt + 4, text.length);
  return fits;
}

const lookupBits = { key: 2, backend: 4 };
const backendNameBytesMax = 1_024;

/** http_cache_lookup_options: override_key@0, backend_name@8. */
export function readResponseLookup(
  guest: FastlyGuest,
  mask: number,
  ptr: number,
): { readonly key: Uint8Array | undefined; readonly backend: string } {
  requireBits(mask, lookupBits.key | lookupBits.backend);
  const start = ptr >>> 0;
  const key = (mask & lookupBits.key) === 0 ? undefined : readPart(guest, start);
  if ((mask & lookupBits.backend) === 0) return { key, backend: '' };
  const [namePtr, nameLen] = [guest.readU32(start + 8), guest.readU32(start + 12)];
  return { key, backend: guest.readText(namePtr, nameLen, backendNameBytesMax) };
}
