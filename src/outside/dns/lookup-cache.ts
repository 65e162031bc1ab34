import { LRUCache } from 'lru-cache';
import type { TerrafirmaError } from '../../errors.ts';

/** What a lookup found, or why not; both hold until `expiresAtMs` of the resolver's clock. */
export type Lookup<T> =
  | { readonly kind: 'found'; readonly value: T; readonly expiresAtMs: number }
  | { readonly kind: 'failure'; readonly error: TerrafirmaError; readonly expiresAtMs: number };

export interface LookupCacheOptions {
  /** Answers and failures together; the least recently used goes first. */
  readonly entriesMax: number;
  readonly nowMs: () => number;
}

/** Remembers lookups until they expire, and joins equal ones that are under way. */
export class LookupCache<T> {
  readonly #known: LRUCache<string, Lookup<T>>;
  readonly #underWay = new Map<string, Promise<Lookup<T>>>();
  readonly #nowMs: () => number;

  constructor(options: LookupCacheOptions) {
    this.#known = new LRUCache({ max: options.entriesMax });
    this.#nowMs = options.nowMs;
  }

  get size(): number {
    return this.#known.size;
  }

  /** What was known of `key` last, whether it still holds or not. */
  peek(key: string): Lookup<T> | undefined {
    return this.#known.peek(key);
  }

  /** The next question is asked anew: what is under way may bring what is to be forgotten. */
  forget(key: string): void {
    this.#known.delete(key);
    this.#underWay.delete(key);
  }

  /** What is known of `key`, or what `look` finds. A rejection of `look` is not remembered. */
  async get(key: string, look: () => Promise<Lookup<T>>): Promise<Lookup<T>> {
    const known = this.#known.get(key);
    if (known !== undefined && known.expiresAtMs > this.#nowMs()) return known;
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) return underWay;
    const work = look();
    this.#underWay.set(key, work);
    try {
      const lookup = await work;
      if (this.#underWay.get(key) === work) this.#known.set(key, lookup);
      return lookup;
    } finally {
      if (this.#underWay.get(key) === work) this.#underWay.delete(key);
    }
  }
}
