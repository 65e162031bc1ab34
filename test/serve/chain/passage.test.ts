import { expect, test } from 'vitest';
import { Passage } from '../../../src/serve/chain/passage.ts';

const step = { rule: 0, position: 0, target: '/a' };

test('a link is passed for one path, and for the one that it chooses itself', () => {
  const passage = Passage.begin(32);
  passage.note(step);
  const inner = passage.behind(step, '/b');
  expect(passage.hasPassed(step)).toBe(true);
  expect(passage.hasPassed({ ...step, target: '/b' })).toBe(false);
  expect([inner.isInner, inner.hasPassed(step)]).toEqual([true, true]);
  expect(inner.hasPassed({ ...step, target: '/b' })).toBe(true);
  expect(inner.hasPassed({ ...step, target: '/b', position: 1 })).toBe(false);
});

test('all requests that one has led to share 32 steps', () => {
  const passage = Passage.begin(32);
  const inner = passage.behind(step, '/b');
  for (let count = 0; count < 16; count += 1) {
    passage.spend();
    inner.spend();
  }
  expect(() => passage.spend()).toThrow(/32 steps/);
  expect(() => inner.spend()).toThrow(/32 steps/);
});
