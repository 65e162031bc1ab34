import { afterEach, expect, it } from 'vitest';
import { LimitClock, type Watched } from '../src/limit-clock.ts';
import { untilHolds } from './support/until-holds.ts';

const LIMIT_MS = 20;
const clock = new LimitClock(LIMIT_MS);
const ended: string[] = [];

afterEach(() => {
  clock.close();
  ended.length = 0;
});

function named(name: string): Watched {
  return {
    deadlineMs: 0,
    earlier: undefined,
    later: undefined,
    onDeadline: () => ended.push(name),
  };
}

it('ends what is watched in the order in which it was, and watches it no longer', async () => {
  for (const name of ['first', 'second']) clock.watch(named(name), performance.now());
  expect(ended).toEqual([]);
  await untilHolds(() => expect(ended).toEqual(['first', 'second']));
  expect(clock.size).toBe(0);
});

it('ends nothing that was unwatched, and gives what is watched again its whole time', async () => {
  const startMs = performance.now();
  const [over, renewed] = [named('over'), named('renewed')];
  clock.watch(over, startMs);
  clock.watch(renewed, startMs);
  clock.watch(named('later'), startMs);
  clock.unwatch(over);
  clock.watch(renewed, startMs + LIMIT_MS);
  expect(renewed.deadlineMs).toBe(startMs + 2 * LIMIT_MS);
  await untilHolds(() => expect(ended).toEqual(['later', 'renewed']));
});

it('goes on after a time in which nothing was watched', async () => {
  for (const name of ['early', 'late']) {
    clock.watch(named(name), performance.now());
    await untilHolds(() => expect(ended).toContain(name));
  }
});

it('forgets those in the middle, at the ends, and those it never knew', async () => {
  const all = ['a', 'b', 'c', 'd', 'e'].map(named);
  for (const one of all) clock.watch(one, performance.now());
  for (const at of [0, 2, 4]) clock.unwatch(all[at] ?? named('none'));
  clock.unwatch(named('unknown'));
  expect(clock.size).toBe(2);
  await untilHolds(() => expect(ended).toEqual(['b', 'd']));
  expect(clock.size).toBe(0);
});
