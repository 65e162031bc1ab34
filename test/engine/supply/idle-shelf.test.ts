import { expect, test } from 'vitest';
import { IdleShelf } from '../../../src/engine/supply/idle-shelf.ts';

interface Named {
  readonly name: string;
  readonly siteKey: string | undefined;
  readonly room: number;
}

/** `a1`: the first one of site a; `-1`: one of nobody; `3-1`: the same with room 3. */
function guest(name: string): Named {
  const isFree = name.includes('-');
  return {
    name,
    siteKey: isFree ? undefined : name[0],
    room: isFree ? Number.parseInt(`0${name}`, 10) : 0,
  };
}

function shelfOf(...names: string[]): IdleShelf<Named> {
  const shelf = new IdleShelf<Named>();
  for (const [at, name] of names.entries()) shelf.put(guest(name), at);
  return shelf;
}

test('a site has its own guest that was used last, then those of nobody', () => {
  const shelf = shelfOf('a1', '-1', 'b1', 'a2', '-2');
  const taken = Array.from({ length: 5 }, () => shelf.take('a', 0)?.name);
  expect(taken).toEqual(['a2', 'a1', '-2', '-1', undefined]);
  expect([shelf.count, shelf.take('b', 0)?.name, shelf.count]).toEqual([1, 'b1', 0]);
});

test('the one that waits longest goes first, whoever may have it', () => {
  const shelf = shelfOf('a1', '-1', 'b1', 'a2', '-2');
  expect(shelf.take('b', 0)?.name).toBe('b1');
  const gone: unknown[] = [];
  while (shelf.count > 0) gone.push(shelf.oldestSinceMs, shelf.takeOldest()?.name);
  expect(gone).toEqual([0, 'a1', 1, '-1', 3, 'a2', 4, '-2']);
  expect([shelf.oldestSinceMs, shelf.takeOldest()]).toEqual([undefined, undefined]);
});

test('what was taken comes back as the newest', () => {
  const shelf = shelfOf('a1', 'b1');
  const first = shelf.take('a', 0);
  if (first !== undefined) shelf.put(first, 9);
  expect([shelf.takeOldest()?.name, shelf.oldestSinceMs, shelf.take('a', 0)?.name]).toEqual([
    'b1',
    9,
    'a1',
  ]);
});

test('a site gets the most room that it may have, and never more', () => {
  const shelf = shelfOf('-1', '3-1', '1-1', '5-1');
  const taken = Array.from({ length: 4 }, () => shelf.take('a', 3)?.name);
  expect(taken).toEqual(['3-1', '1-1', '-1', undefined]);
  expect([shelf.oldestSinceMs, shelf.takeOldest()?.name, shelf.count]).toEqual([3, '5-1', 0]);
});
