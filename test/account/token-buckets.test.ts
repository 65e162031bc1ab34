import { expect, test } from 'vitest';
import { TokenBucket, TokenBuckets } from '../../src/account/token-buckets.ts';

test('TokenBucket takes what is there, all or nothing, and fills up to its burst', () => {
  const bucket = new TokenBucket({ burst: 10, perSecond: 2 }, 0);
  expect(bucket.take(11, 0)).toBe(false);
  expect(bucket.take(10, 0)).toBe(true);
  expect(bucket.take(1, 400)).toBe(false);
  expect(bucket.take(1, 500)).toBe(true);
  expect(bucket.take(10, 60_000)).toBe(true);
  bucket.giveBack(3);
  expect(bucket.take(4, 60_000)).toBe(false);
  expect(bucket.take(3, 60_000)).toBe(true);
});

test('TokenBuckets forgets the key that was used least lately', () => {
  const buckets = new TokenBuckets({ burst: 1, perSecond: 1 }, 2);
  expect(buckets.take('a', 0)).toBe(true);
  expect(buckets.take('a', 999)).toBe(false);
  expect(buckets.take('a', 2_000)).toBe(true);
  expect(buckets.take('b', 2_000)).toBe(true);
  expect(buckets.take('c', 2_000)).toBe(true);
  expect(buckets.take('a', 2_000)).toBe(true);
  expect(buckets.take('c', 2_000)).toBe(false);
});
