import { expect, test } from 'vitest';
import { Passage } from '../../../src/serve/chain/passage.ts';

const step = { rule: 0, position: 0, target: '/a', modulePath: 'link.wasm' };

test('a link is passed for one path, and for the one that it chooses itself', () => {
  const passage = Passage.begin(32);
  passage.note(step);
  const inner = passage.behind(step, '/b', false);
  expect(passage.hasPassed(step)).toBe(true);
  expect(passage.hasPassed({ ...step, target: '/b' })).toBe(false);
  expect([inner.isInner, inner.hasPassed(step)]).toEqual([true, true]);
  expect(inner.hasPassed({ ...step, target: '/b' })).toBe(true);
  expect(inner.hasPassed({ ...step, target: '/b', position: 1 })).toBe(false);
});

test('all requests that one has led to share 32 steps', () => {
  const passage = Passage.begin(32);
  const inner = passage.behind(step, '/b', false);
  for (let count = 0; count < 16; count += 1) {
    passage.spend();
    inner.spend();
  }
  expect(() => passage.spend()).toThrow(/32 steps/);
  expect(() => inner.spend()).toThrow(/32 steps/);
});

test('a request behind a link has its seat, and one beside that must find its own', () => {
  const passage = Passage.begin(32);
  const inner = passage.behind(step, '/b', false);
  expect(inner.seat).toBe(passage.seat);
  const beside = passage.behind(step, '/b', true);
  expect([beside.seat === passage.seat, beside.seat.mayWait]).toEqual([false, false]);
  expect([passage.seat.mayWait, beside.behind(step, '/c', false).seat]).toEqual([
    true,
    beside.seat,
  ]);
});

test('a module that is under way already behind its links has no seats of its own again', () => {
  const passage = Passage.begin(32);
  const inner = passage.behind({ ...step, modulePath: 'a.wasm' }, '/b', false);
  expect([passage.isBehind('a.wasm'), inner.isBehind('a.wasm')]).toEqual([false, true]);
  const deeper = inner.behind({ ...step, modulePath: 'b.wasm' }, '/c', false);
  expect([deeper.isBehind('a.wasm'), deeper.isBehind('b.wasm')]).toEqual([true, true]);
});
