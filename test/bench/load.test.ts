import { expect, test } from 'vitest';
import { settlingOf } from '../../bench/load.ts';

const steady = Array<number>(8).fill(1_000);

test('tells how many requests a server answered before it was as fast as it gets', () => {
  expect(settlingOf([100, 500, 950, ...steady])).toEqual({ requests: 1_200, seconds: 4 });
  expect(settlingOf(steady)).toEqual({ requests: 0, seconds: 0 });
});

test('a slow round among the last moves nothing', () => {
  expect(settlingOf([100, ...steady.slice(1), 10])).toEqual({ requests: 200, seconds: 2 });
});
