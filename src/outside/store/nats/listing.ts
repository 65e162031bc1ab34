/**
 * The keys of a space in the order of their bytes, by the headers of its messages. What was read is
 * kept until the space is written to.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Msg } from '@nats-io/transport-node';
import { LRUCache } from 'lru-cache';
import type { ListedKey, ListOptions } from '../contract.ts';
import { unavailable } from '../waiting-writes.ts';
import type { Link } from './link.ts';
import { keyOfToken, type Place } from './places.ts';
import { readHeaders, type Usage } from './rows.ts';
import { readSubjects } from './stream-reading.ts';

export interface KeptKey extends ListedKey {
  readonly metaBytes: number;
  readonly expiresAtMs: number | undefined;
}

interface ReadList {
  readonly keys: readonly KeptKey[];
  /** The newest sequence of the space that it knows of. */
  readonly sequence: number;
}

interface KeptList extends ReadList {
  /** When it was asked for. */
  readonly atMs: number;
}

export interface ListingOptions {
  readonly link: Link;
  /** The newest sequence in the space that this node knows of. */
  readonly newestOf: (place: Place) => number;
  /** From when on what is kept of the space is true until it is told otherwise. */
  readonly followedSince: (place: Place) => number | undefined;
  /** Time that only goes on, in milliseconds. */
  readonly nowMs: () => number;
}

/** Of all lists that are kept together. */
const keysKeptMax = 500_000;
const retryMs = 20;
const retryMsMax = 200;
/** A copy that is behind catches up within this time, or what is missing has been removed. */
const behindMsMax = 1_000;

export class Listing {
  readonly #options: ListingOptions;
  readonly #kept = new LRUCache<string, KeptList>({
    maxSize: keysKeptMax,
    sizeCalculation: ({ keys }) => keys.length + 1,
  });

  constructor(options: ListingOptions) {
    this.#options = options;
  }

  /** The space was written to. */
  forget(prefix: string): void {
    this.#kept.delete(prefix);
  }

  clear(): void {
    this.#kept.clear();
  }

  /** Rejects with StoreError. */
  async page(
    place: Place,
    { prefix, after, limit }: ListOptions,
    until: { readonly dueMs: number; readonly wallMs: number },
  ): Promise<{ readonly items: readonly ListedKey[]; readonly isLast: boolean }> {
    const keys = await this.all(place, until.dueMs);
    const start = prefix.byteLength === 0 ? undefined : prefix;
    const items: ListedKey[] = [];
    for (let index = firstAt(keys, { prefix, after }); index < keys.length; index += 1) {
      const each = keys[index];
      if (each === undefined) break;
      if (start !== undefined && !beginsWith(each.key, start)) break;
      if (each.expiresAtMs !== undefined && each.expiresAtMs <= until.wallMs) continue;
      if (items.length === limit) return { items, isLast: false };
      items.push({ key: each.key, bytes: each.bytes, revision: each.revision });
    }
    return { items, isLast: true };
  }

  /** What has expired, too. Rejects with StoreError. */
  async all(place: Place, dueMs: number): Promise<readonly KeptKey[]> {
    const { followedSince, newestOf, nowMs } = this.#options;
    const kept = this.#kept.get(place.prefix);
    if (kept !== undefined && kept.atMs >= (followedSince(place) ?? Number.POSITIVE_INFINITY)) {
      return kept.keys;
    }
    const behindUntilMs = nowMs() + behindMsMax;
    for (;;) {
      const wanted = newestOf(place);
      const atMs = nowMs();
      const list = await this.#read(place);
      const isWhole = list !== undefined && (list.sequence >= wanted || nowMs() > behindUntilMs);
      if (isWhole) {
        // What was written meanwhile may be missing.
        if (newestOf(place) <= list.sequence) this.#kept.set(place.prefix, { ...list, atMs });
        return list.keys;
      }
      if (nowMs() > dueMs) throw unavailable('its engine must list in time: received nothing');
      await wait(list === undefined ? retryMsMax : retryMs);
    }
  }

  /** Undefined: it broke off. */
  async #read(place: Place): Promise<ReadList | undefined> {
    const { prefix, stream } = place;
    const keys: KeptKey[] = [];
    const wanted = { stream, filter: `${prefix}>`, isHeadersOnly: true };
    const sequence = await readSubjects(this.#options.link, wanted, (message, revision) => {
      const key = keyIn(message, place, revision);
      if (key !== undefined) keys.push(key);
    });
    if (sequence === undefined) return undefined;
    return { keys: keys.sort((a, b) => Buffer.compare(a.key, b.key)), sequence };
  }
}

/** What the space really holds, by what is listed. */
export function usageOf(keys: readonly KeptKey[], wallMs: number): Usage {
  let bytes = 0;
  let count = 0;
  for (const { key, bytes: valueBytes, metaBytes, expiresAtMs } of keys) {
    if (expiresAtMs !== undefined && expiresAtMs <= wallMs) continue;
    bytes += key.byteLength + valueBytes + metaBytes;
    count += 1;
  }
  return { bytes, keys: count };
}

/** Undefined: the message is of no key, or of one that was deleted. */
function keyIn(message: Msg, { prefix }: Place, revision: number): KeptKey | undefined {
  const headers = readHeaders((name) => message.headers?.get(name) || undefined);
  const key = keyOfToken(message.subject.slice(prefix.length), headers.longKey);
  if (key === undefined || headers.isDeleted) return undefined;
  const { expiresAtMs, meta } = headers;
  const bytes = Number(message.headers?.get('Nats-Msg-Size') || 0);
  return { key, bytes, revision, expiresAtMs, metaBytes: meta?.byteLength ?? 0 };
}

/** Where the page begins. */
function firstAt(
  keys: readonly KeptKey[],
  { prefix, after }: { readonly prefix: Uint8Array; readonly after: Uint8Array | undefined },
): number {
  const isAfter = after !== undefined && Buffer.compare(after, prefix) >= 0;
  const from = isAfter ? after : prefix;
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = Buffer.compare(keys[middle]?.key ?? from, from);
    if (order < 0 || (isAfter && order === 0)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function beginsWith(key: Uint8Array, prefix: Uint8Array): boolean {
  if (key.byteLength < prefix.byteLength) return false;
  return Buffer.compare(key.subarray(0, prefix.byteLength), prefix) === 0;
}
