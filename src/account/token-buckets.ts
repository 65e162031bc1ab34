/**
 * How often, or how much, somebody may do something: amounts that are used up and grow again with
 * time. Pure: the time is handed in.
 */

export interface BucketRule {
  /** What may be taken at once. */
  readonly burst: number;
  readonly perSecond: number;
}

export class TokenBucket {
  readonly #rule: BucketRule;
  #tokens: number;
  #filledAtMs: number;

  /** Full. */
  constructor(rule: BucketRule, nowMs: number) {
    this.#rule = rule;
    this.#tokens = rule.burst;
    this.#filledAtMs = nowMs;
  }

  /** Takes so much; false, and nothing is taken, where there is less. */
  take(amount: number, nowMs: number): boolean {
    const { burst, perSecond } = this.#rule;
    const gained = ((nowMs - this.#filledAtMs) / 1_000) * perSecond;
    this.#tokens = Math.min(burst, this.#tokens + gained);
    this.#filledAtMs = nowMs;
    if (this.#tokens < amount) return false;
    this.#tokens -= amount;
    return true;
  }

  giveBack(amount: number): void {
    this.#tokens = Math.min(this.#rule.burst, this.#tokens + amount);
  }
}

/** Buckets by key, of which one is taken at a time. */
export class TokenBuckets {
  readonly #rule: BucketRule;
  readonly #keysMax: number;
  /** The least recently used first: it goes when there are too many. */
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(rule: BucketRule, keysMax: number) {
    this.#rule = rule;
    this.#keysMax = keysMax;
  }

  /** Takes one; false when there is none left. */
  take(key: string, nowMs: number): boolean {
    const known = this.#buckets.get(key);
    if (known === undefined) this.#makeRoom();
    else this.#buckets.delete(key);
    const bucket = known ?? new TokenBucket(this.#rule, nowMs);
    this.#buckets.set(key, bucket);
    return bucket.take(1, nowMs);
  }

  /** What was taken did not count. */
  giveBack(key: string): void {
    this.#buckets.get(key)?.giveBack(1);
  }

  #makeRoom(): void {
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size >= this.#keysMax && oldest !== undefined) this.#buckets.delete(oldest);
  }
}
