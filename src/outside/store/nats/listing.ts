/**
 * The keys of a space in the order of their bytes. Edge: NATS, by a consumer that is there for one
 * reading and delivers headers alone. What was read is kept until the space is written to.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { createInbox, type Msg } from '@nats-io/transport-node';
import { LRUCache } from 'lru-cache';
import type { ListedKey, ListOptions } from '../contract.ts';
import { unavailable } from '../waiting-writes.ts';
import { EngineError, type Link, NoAnswer } from './link.ts';
import { keyOfToken, type Place } from './places.ts';
import { readHeaders, type Usage } from './rows.ts';

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
const apiMs = 5_000;
/** Nothing arrives for so long: the reading has broken off. */
const silenceMs = 2_000;
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
    const { link } = this.#options;
    if (!link.isConnected) return undefined;
    const inbox = createInbox(link.inboxPrefix);
    const reading = new Reading(place);
    const subscription = link.subscribe(inbox, (message) => reading.take(message));
    let consumer: string | undefined;
    try {
      const made = Object(await createConsumer(link, place, inbox));
      consumer = String(made.name);
      if (Number(made.num_pending) + Number(Object(made.delivered).consumer_seq) === 0) {
        return { keys: [], sequence: 0 };
      }
      return await reading.ended(silenceMs);
    } catch (error) {
      if (error instanceof NoAnswer || error instanceof EngineError) return undefined;
      throw error;
    } finally {
      subscription.unsubscribe();
      if (consumer !== undefined) void removeConsumer(link, place, consumer);
    }
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

/** One reading: gathers until the engine says that nothing is left. */
class Reading {
  readonly #place: Place;
  readonly #keys: KeptKey[] = [];
  readonly #end = Promise.withResolvers<ReadList | undefined>();
  #sequence = 0;
  #expected = 1;
  #heardMs = performance.now();

  constructor(place: Place) {
    this.#place = place;
  }

  take(message: Msg): void {
    this.#heardMs = performance.now();
    const position = positionOf(message.reply);
    if (position === undefined) return;
    // One was lost on the way: all of it is read again.
    if (position.delivered !== this.#expected) this.#end.resolve(undefined);
    this.#expected += 1;
    this.#sequence = Math.max(this.#sequence, position.sequence);
    this.#add(message, position.sequence);
    if (position.left === 0) this.#finish();
  }

  async ended(silenceLimitMs: number): Promise<ReadList | undefined> {
    const timer = setInterval(() => {
      if (performance.now() - this.#heardMs > silenceLimitMs) this.#end.resolve(undefined);
    }, silenceLimitMs / 4);
    try {
      return await this.#end.promise;
    } finally {
      clearInterval(timer);
    }
  }

  #add(message: Msg, revision: number): void {
    const token = message.subject.slice(this.#place.prefix.length);
    const headers = readHeaders((name) => message.headers?.get(name) || undefined);
    const key = keyOfToken(token, headers.longKey);
    if (key === undefined || headers.isDeleted) return;
    const { expiresAtMs, meta } = headers;
    const bytes = Number(message.headers?.get('Nats-Msg-Size') || 0);
    this.#keys.push({ key, bytes, revision, expiresAtMs, metaBytes: meta?.byteLength ?? 0 });
  }

  #finish(): void {
    const keys = this.#keys.sort((a, b) => Buffer.compare(a.key, b.key));
    this.#end.resolve({ keys, sequence: this.#sequence });
  }
}

function createConsumer(link: Link, { stream, prefix }: Place, inbox: string): Promise<unknown> {
  const config = {
    deliver_subject: inbox,
    deliver_policy: 'all',
    filter_subject: `${prefix}>`,
    ack_policy: 'none',
    headers_only: true,
    mem_storage: true,
    num_replicas: 1,
    max_deliver: 1,
    inactive_threshold: 30_000_000_000,
  };
  return link.ask(`CONSUMER.CREATE.${stream}`, { stream_name: stream, config }, apiMs);
}

/** It ends by itself too, when nobody listens any more. */
async function removeConsumer(link: Link, { stream }: Place, consumer: string): Promise<void> {
  await link.ask(`CONSUMER.DELETE.${stream}.${consumer}`, undefined, apiMs).catch(() => undefined);
}

/** The reply subject of a delivery: docs.nats.io, "$JS.ACK". */
function positionOf(
  reply: string | undefined,
): { readonly sequence: number; readonly delivered: number; readonly left: number } | undefined {
  const tokens = reply?.split('.') ?? [];
  // Newer servers put two more in front, and one behind.
  const shift = tokens.length >= 11 ? 2 : 0;
  if (tokens.length < 9) return undefined;
  const at = (index: number): number => Number(tokens[index + shift]);
  return { sequence: at(5), delivered: at(6), left: at(8) };
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
