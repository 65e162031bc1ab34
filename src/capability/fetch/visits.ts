/**
 * How much one visitor's request may cause. A module may send requests to modules of the same
 * installation, and they again: `CDN-Loop` bounds how deep that goes (RFC 8586), but 32 requests in
 * each of 8 levels would be a trillion. So every request of a guest names the visit it is part of,
 * signed with the installation's key, and each serving thread counts the runs of a visit.
 *
 * It also names the runs that wait for the answer, the visitor's first: a request must not wait for
 * what only they can give back.
 *
 * To other servers the name is a random text; from others, without the signature, it is believed
 * by nobody. Whoever repeats one only shares the bound of that visit.
 */

import { Buffer } from 'node:buffer';
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

/** What a request says of where it comes from, and is believed. */
export interface Entered {
  readonly visit: string;
  /** Names of runs, the visitor's first. */
  readonly callers: readonly string[];
}

const idBytes = 12;
const nameBytes = 6;
const nameChars = 8;
const signatureBytes = 16;
/** `id` with the names of at most eight runs, and the signature of that, all base64url. */
const tokenPattern = /^([\w-]{16})((?:[\w-]{8}){0,8})\.([\w-]{22})$/;
const callersMax = 8;
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

  /** A name for a run that is about to send requests. */
  newName(): string {
    return randomBytes(nameBytes).toString('base64url');
  }

  /**
   * What the requests of a run say of themselves.
   *
   * @param entered Of the request that the run answers; undefined: a visitor's own.
   * @param name Of the run, where somebody knows it by one.
   */
  open(entered?: Entered, name?: string): string {
    const visit = entered?.visit ?? randomBytes(idBytes).toString('base64url');
    const callers = [...(entered?.callers ?? []), ...(name === undefined ? [] : [name])];
    const text = [visit, ...callers.slice(-callersMax)].join('');
    return `${text}.${this.#sign(text).toString('base64url')}`;
  }

  /**
   * Counts a run for the visit that its request is part of; undefined where a visitor asks.
   *
   * @throws TerrafirmaError `loop` when the visit has caused as many as it may.
   */
  enter(headers: readonly Header[]): Entered | undefined {
    for (const [name, value] of headers) {
      const entered = name === visitHeader ? this.#read(value) : undefined;
      if (entered === undefined) continue;
      this.#count(entered.visit);
      return entered;
    }
    return undefined;
  }

  #count(visit: string): void {
    const { runsPerVisitMax } = this.#options;
    const runs = this.#runs.get(visit) ?? 0;
    if (runs >= runsPerVisitMax) {
      const rule = `one visit may cause ${runsPerVisitMax} runs by requests that modules send`;
      throw new TerrafirmaError('loop', `Cannot answer: ${rule}: received one more`);
    }
    this.#runs.set(visit, runs + 1);
  }

  #read(token: string): Entered | undefined {
    const [, visit = '', names = '', signature = ''] = tokenPattern.exec(token) ?? [];
    if (visit === '') return undefined;
    const isOurs = timingSafeEqual(Buffer.from(signature, 'base64url'), this.#sign(visit + names));
    if (!isOurs) return undefined;
    const callers = Array.from({ length: names.length / nameChars }, (_, at) =>
      names.slice(at * nameChars, (at + 1) * nameChars),
    );
    return { visit, callers };
  }

  #sign(text: string): Buffer {
    const digest = createHmac('sha256', this.#options.key).update(text).digest();
    return digest.subarray(0, signatureBytes);
  }
}
