import { expect, test } from 'vitest';
import { BackOff } from '../../src/threads/back-off.ts';

test('waits twice as long each time, up to its limit', () => {
  const backOff = new BackOff({ msMin: 50, msMax: 300, steadyMs: 1_000 });
  expect([1, 2, 3, 4, 5].map(() => backOff.next(0))).toEqual([50, 100, 200, 300, 300]);
});

test('begins again with the shortest wait after something has lasted', () => {
  const backOff = new BackOff({ msMin: 50, msMax: 300, steadyMs: 1_000 });
  backOff.next(0);
  backOff.next(0);
  expect(backOff.next(1_001)).toBe(50);
  expect(backOff.next(0)).toBe(100);
});
