import { expect, test } from 'vitest';
import { fuzzFastly } from '../../support/fastly-fuzz.ts';

const CALLS = 8_000;

test.each([1, 2, 3])('calls without sense, seed %i', async (seed) => {
  const { complaint, counts } = await fuzzFastly(seed, CALLS);
  expect(complaint).toBeUndefined();
  // Enough of them made sense for the others to find something.
  expect(counts.get('ok')).toBeGreaterThan(CALLS / 20);
  expect(counts.size).toBeGreaterThan(6);
});
