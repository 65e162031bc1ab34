/**
 * How often passwords may be tried: per client and per folder. Only failures count in the end, so
 * that people who know their password are not shut out by their own success. Pure: the time is
 * handed in.
 */

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

export interface BucketRule {
  readonly burst: number;
  readonly perSecond: number;
}

/** Buckets by key; full ones are forgotten. */
export class TokenBuckets {
  readonly #rule: BucketRule;
  readonly #keysMax: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rule: BucketRule, keysMax: number) {
    this.#rule = rule;
    this.#keysMax = keysMax;
  }

  /** Takes one; false when there is none left. */
  take(key: string, nowMs: number): boolean {
    const bucket = this.#filled(key, nowMs);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  giveBack(key: string): void {
    const bucket = this.#buckets.get(key);
    if (bucket !== undefined) bucket.tokens = Math.min(this.#rule.burst, bucket.tokens + 1);
  }

  #filled(key: string, nowMs: number): Bucket {
    const { burst, perSecond } = this.#rule;
    const known = this.#buckets.get(key);
    if (known !== undefined) {
      const gained = ((nowMs - known.filledAtMs) / 1_000) * perSecond;
      known.tokens = Math.min(burst, known.tokens + gained);
      known.filledAtMs = nowMs;
      // The least recently used goes first when there are too many.
      this.#buckets.delete(key);
      this.#buckets.set(key, known);
      return known;
    }
    const oldest = this.#buckets.keys().next().value;
    if (this.#buckets.size >= this.#keysMax && oldest !== undefined) this.#buckets.delete(oldest);
    const bucket = { tokens: burst, filledAtMs: nowMs };
    this.#buckets.set(key, bucket);
    return bucket;
  }
}
