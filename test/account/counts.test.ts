import { expect, test } from 'vitest';
import { Counts } from '../../src/account/counts.ts';

test('Counts keeps sums by key, and forgets who has nothing', () => {
  const counts = new Counts<string>();
  counts.add('alice', 3);
  counts.add('bob', 2);
  counts.add('alice', -1);
  expect([counts.of('alice'), counts.of('bob'), counts.of('mallory')]).toEqual([2, 2, 0]);
  expect(counts.total).toBe(4);
  counts.add('bob', -2);
  expect([...counts]).toEqual([['alice', 2]]);
  expect(counts.size).toBe(1);
});

test('Counts holds what is taken away before it is there', () => {
  const counts = new Counts<string>();
  counts.add('alice', -5);
  expect([counts.of('alice'), counts.total]).toEqual([-5, -5]);
  counts.clear();
  expect([counts.size, counts.total]).toEqual([0, 0]);
});
