/**
 * Counts anew what a space holds. What expires is removed by the engine without a word, so the
 * count is too high at times, never too low; it is mended when somebody needs the room.
 */
import { LRUCache } from 'lru-cache';
import type { LeaderReads } from './leader-reads.ts';
import { EngineError, type Link, NoAnswer, readAnswer } from './link.ts';
import { type Listing, usageOf } from './listing.ts';
import type { Place } from './places.ts';
import { decodeUsage, encodeUsage } from './rows.ts';

export interface RecountsOptions {
  readonly listing: Listing;
  readonly link: Link;
  readonly reads: LeaderReads;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
}

const againMs = 60_000;
const spacesMax = 10_000;
const apiMs = 5_000;

export class Recounts {
  readonly #options: RecountsOptions;
  readonly #lately = new LRUCache<string, true>({ max: spacesMax, ttl: againMs });

  constructor(options: RecountsOptions) {
    this.#options = options;
  }

  /** Whether there is another number now. Once a minute at most. Rejects with StoreError. */
  async count(place: Place, dueMs: number): Promise<boolean> {
    const { usageSubject } = place;
    if (usageSubject === undefined || this.#lately.has(place.prefix)) return false;
    this.#lately.set(place.prefix, true);
    const { link, listing, nowMs, reads } = this.#options;
    const row = await reads.read(place.stream, usageSubject, { dueMs });
    const counted = usageOf(await listing.all(place, dueMs), nowMs());
    const known = decodeUsage(row);
    if (known.bytes === counted.bytes && known.keys === counted.keys) return false;
    const headers = [['Nats-Expected-Last-Subject-Sequence', String(row.sequence)]] as const;
    const sent = { subject: usageSubject, payload: encodeUsage(counted), headers };
    try {
      readAnswer(await link.request(sent, apiMs));
      return true;
    } catch (error) {
      // Somebody wrote meanwhile, or there is no answer: the old number holds.
      if (error instanceof EngineError || error instanceof NoAnswer) return false;
      throw error;
    }
  }
}
