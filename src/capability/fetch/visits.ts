/**
 * How much one visitor's request may cause. A module may send requests to modules of the same
 * installation, and they again: `CDN-Loop` bounds how deep that goes (RFC 8586), but 32 requests in
 * each of 8 levels would be a trillion. So every request of a guest names the visit it is part of,
 * signed with the installation's key, and each serving thread counts the runs of a visit.
 *
 * To other servers the name is a random text; from others, without the signature, it is believed
 * by nobody. Whoever repeats one only shares the bound of that visit.
 */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { TerrafirmaError } from '../../errors.ts';
import type { Header } from '../../http/message.ts';

/** Of requests that guests send; in lower case. */
export const visitHeader = 'terrafirma-visit';

export interface VisitsOptions {
  /** The installation's: see `daemon/visit-key.ts`. */
  readonly key: Uint8Array;
  /** Runs that one visit may cause on this thread, its first not counted. */
  readonly runsPerVisitMax: number;
}

const idBytes = 12;
const signatureBytes = 16;
/** `id.signature`, both base64url. */
const tokenPattern = /^([\w-]{16})\.([\w-]{22})$/;
/** Visits that are counted at once; longer than any of them can last. */
const visitsMax = 65_536;
const visitTtlMs = 600_000;

/** One a serving thread. */
export class Visits {
  readonly #options: VisitsOptions;
  readonly #runs = new LRUCache<string, number>({ max: visitsMax, ttl: visitTtlMs });

  constructor(options: VisitsOptions) {
    this.#options = options;
  }

  /** The name of a new visit: a visitor's own request begins to send requests. */
  open(): string {
    const id = randomBytes(idBytes).toString('base64url');
    return `${id}.${this.#sign(id).toString('base64url')}`;
  }

  /**
   * Counts a run for the visit that its request is part of; undefined where a visitor asks.
   *
   * @throws TerrafirmaError `loop` when the visit has caused as many as it may.
   */
  enter(headers: readonly Header[]): string | undefined {
    for (const [name, value] of headers) {
      if (name === visitHeader && this.#isOurs(value)) return this.#count(value);
    }
    return undefined;
  }

  #count(visit: string): string {
    const { runsPerVisitMax } = this.#options;
    const runs = this.#runs.get(visit) ?? 0;
    if (runs >= runsPerVisitMax) {
      const rule = `one visit may cause ${runsPerVisitMax} runs by requests that modules send`;
      throw new TerrafirmaError('loop', `Cannot answer: ${rule}: received one more`);
    }
    this.#runs.set(visit, runs + 1);
    return visit;
  }

  #isOurs(token: string): boolean {
    const [, id = '', signature = ''] = tokenPattern.exec(token) ?? [];
    if (id === '') return false;
    return timingSafeEqual(Buffer.from(signature, 'base64url'), this.#sign(id));
  }

  #sign(id: string): Buffer {
    const digest = createHmac('sha256', this.#options.key).update(id).digest();
    return digest.subarray(0, signatureBytes);
  }
}
