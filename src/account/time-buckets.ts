/**
 * How many of something happened lately, in buckets of time. A bucket counts until all of it is
 * over, so that there are never more than a limit allows. Pure, and plain data.
 */

export interface TimeBuckets {
  /** The newest bucket: whole buckets since the Unix epoch. */
  readonly at: number;
  /** The newest first. */
  readonly c: readonly number[];
}

export interface BucketShape {
  readonly bucketMs: number;
  /** Beside the one that is not over. */
  readonly buckets: number;
}

/** `counts` with `amount` more, at least none, in the bucket of `atMs`, without what is over. */
export function addToBuckets(
  counts: TimeBuckets | undefined,
  { bucketMs, buckets }: BucketShape,
  { atMs, amount }: { readonly atMs: number; readonly amount: number },
): TimeBuckets {
  const bucket = Math.floor(atMs / bucketMs);
  const at = Math.max(bucket, counts?.at ?? bucket);
  const c = Array.from({ length: buckets + 1 }, (_, age) => bucketOf(counts, at - age));
  const age = at - bucket;
  const there = c[age];
  if (there !== undefined) c[age] = Math.max(0, there + amount);
  while (c.length > 1 && c.at(-1) === 0) c.pop();
  return { at, c };
}

/** What happened in the buckets that are not over by `nowMs`. */
export function countBuckets(
  counts: TimeBuckets | undefined,
  { bucketMs, buckets }: BucketShape,
  nowMs: number,
): number {
  if (counts === undefined) return 0;
  const oldest = Math.floor(nowMs / bucketMs) - buckets;
  return counts.c.reduce((sum, count, age) => (counts.at - age >= oldest ? sum + count : sum), 0);
}

function bucketOf(counts: TimeBuckets | undefined, bucket: number): number {
  return counts?.c[counts.at - bucket] ?? 0;
}
