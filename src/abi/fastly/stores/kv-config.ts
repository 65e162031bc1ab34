/**
 * How a guest says what it wants of a key-value store: structures of which only the fields count
 * whose bits are set, because older guests pass shorter ones.
 *
 *     insert   mode @0 │ metadata @8 @12 │ time_to_live_sec @16 │ if_generation_match @24
 *     list     mode @0 │ cursor @4 @8 │ limit @12 │ prefix @16 @20
 */
import { Buffer } from 'node:buffer';
import type { StoreChange } from '../../../capability/kv/contract.ts';
import type { FastlyGuest } from '../guest.ts';
import { FastlyFault } from '../status.ts';
import type { ListAsked } from './kv-list.ts';

const reserved = 1;
const insertBits = { metadata: 8, timeToLive: 16, ifGeneration: 32 } as const;
const listBits = { cursor: 2, limit: 4, prefix: 8 } as const;
const modes = ['put', 'add', 'append', 'prepend'] as const;
/** Strong, and eventual: here a listing is always of now. */
const listModesMax = 1;
const textBytesMax = 64 * 1024;
const listedMax = 1_000;

/** @throws FastlyFault `inval` */
export function requireNoReserved(mask: number): void {
  if ((mask & reserved) !== 0) throw new FastlyFault('inval');
}

/** @throws FastlyFault `inval` */
export function readInsertConfig(
  guest: FastlyGuest,
  mask: number,
  ptr: number,
): Omit<StoreChange, 'key' | 'value'> {
  requireNoReserved(mask);
  const at = ptr >>> 0;
  const op = modes[guest.readU32(at)];
  if (op === undefined) throw new FastlyFault('inval');
  const metadata =
    (mask & insertBits.metadata) === 0 ? undefined : readGiven(guest, at + 8, at + 12);
  const ttlMs = (mask & insertBits.timeToLive) === 0 ? undefined : guest.readU32(at + 16) * 1_000;
  const generation = (mask & insertBits.ifGeneration) === 0 ? undefined : guest.readU64(at + 24);
  return {
    op,
    ...(metadata === undefined ? {} : { meta: Buffer.from(metadata) }),
    ...(ttlMs === undefined ? {} : { ttlMs }),
    // What is beyond these numbers nothing has ever had.
    ...(generation === undefined ? {} : { ifRevision: Number(generation) }),
  };
}

/** @throws FastlyFault `inval` */
export function readListConfig(guest: FastlyGuest, mask: number, ptr: number): ListAsked {
  requireNoReserved(mask);
  const at = ptr >>> 0;
  if (guest.readU32(at) > listModesMax) throw new FastlyFault('inval');
  const cursor = (mask & listBits.cursor) === 0 ? undefined : readGiven(guest, at + 4, at + 8);
  const limit = (mask & listBits.limit) === 0 ? listedMax : guest.readU32(at + 12);
  const prefix = (mask & listBits.prefix) === 0 ? undefined : readGiven(guest, at + 16, at + 20);
  if (limit === 0) throw new FastlyFault('inval');
  return { cursor, limit: Math.min(limit, listedMax), prefix };
}

/** Text whose bit is set must not be empty. @throws FastlyFault `inval` */
function readGiven(guest: FastlyGuest, ptr: number, lengthPtr: number): string {
  const text = guest.readText(guest.readU32(ptr), guest.readU32(lengthPtr), textBytesMax);
  if (text === '') throw new FastlyFault('inval');
  return text;
}
