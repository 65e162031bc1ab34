import { describe, expect, test } from 'vitest';
import type { Experience } from '../../../scripts/attack/alice.ts';
import { barsFor, judge, type Measured, quantile } from '../../../scripts/attack/bars.ts';

const calm: Experience = {
  latenciesMs: [1, 1, 1, 20],
  pagesMs: [1],
  visits: [],
  failures: [],
  deploysMs: [300],
  firstVisitsMs: [400],
  storesMs: [2],
};

const held: Measured = {
  without: calm,
  during: calm,
  residentStartBytes: 100,
  residentMaxBytes: 1_000,
  residentEndBytes: 110,
  drainMs: 10_100,
  hasDied: false,
};

describe('the bars of an attack', () => {
  test('hold where nothing got worse', () => {
    expect(judge(held, barsFor(1))).toEqual([]);
  });

  test.each<[string, Partial<Measured>, RegExp]>([
    ['slow answers', { during: { ...calm, latenciesMs: [101] } }, /p99 101 ms, at most 100 ms/],
    ['a failed request', { during: { ...calm, failures: ['503 busy'] } }, /1 failed, e\.g\. 503/],
    ['no answer at all', { during: { ...calm, latenciesMs: [] } }, /nobody was answered/],
    ['a slow deploy', { during: { ...calm, deploysMs: [1, 5_001] } }, /deploy took 5001 ms/],
    ['slow stores', { during: { ...calm, storesMs: [51, 51] } }, /storing took 51/],
    ['a slow first visit', { during: { ...calm, firstVisitsMs: [3_001] } }, /visit took 3001 ms/],
    ['too much memory', { residentMaxBytes: 3 * 1024 ** 3 }, /3072 MiB resident/],
    ['memory that stays', { residentEndBytes: 121 }, /still resident/],
    ['a slow end', { drainMs: 12_001 }, /ended in 12001 ms/],
    ['an end by force', { drainMs: undefined }, /did not end cleanly/],
    ['a death', { hasDied: true }, /the process died/],
  ])('are missed by %s', (_, worse, sentence) => {
    const faults = judge({ ...held, ...worse }, barsFor(1));
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(sentence);
  });

  test('let answers be slower under several attacks at once', () => {
    const slow = { latenciesMs: [399], deploysMs: [19_999], firstVisitsMs: [11_999] };
    expect(judge({ ...held, during: { ...calm, ...slow } }, barsFor(10))).toEqual([]);
    expect(judge({ ...held, during: { ...calm, ...slow } }, barsFor(1))).toHaveLength(3);
    const slower = { latenciesMs: [401], deploysMs: [20_001], firstVisitsMs: [12_001] };
    expect(judge({ ...held, during: { ...calm, ...slower } }, barsFor(10))).toHaveLength(3);
    expect(judge({ ...held, during: { ...calm, failures: ['503'] } }, barsFor(10))).toHaveLength(1);
  });
});

test.each([
  [[], 0.99, 0],
  [[3, 1, 2], 0.5, 2],
  [[5, 4, 3, 2, 1], 0.99, 5],
])('of %j the quantile %d is %d', (values, share, expected) => {
  expect(quantile(values, share)).toBe(expected);
});
