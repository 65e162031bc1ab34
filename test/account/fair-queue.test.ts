import { describe, expect, test } from 'vitest';
import { FairQueue } from '../../src/account/fair-queue.ts';
import type { Shares } from '../../src/account/shares.ts';
import type { OwnerKey } from '../../src/names.ts';

interface Named {
  readonly shares: Shares;
  readonly name: string;
}

/** `owner/site/client number`, such as `a/1/x 2`. */
function waiter(name: string): Named {
  const [owner = '', site = '', client = ''] = name.split(' ')[0]?.split('/') ?? [];
  return { shares: { owner: owner as OwnerKey, site: `${owner}/${site}`, client }, name };
}

function drain(queue: FairQueue<Named>): readonly (string | undefined)[] {
  const names: (string | undefined)[] = [];
  while (queue.length > 0) names.push(queue.shift(0)?.name);
  return names;
}

describe('FairQueue', () => {
  test('shift() takes owners in turn, however many sites one of them has', () => {
    const queue = new FairQueue<Named>();
    for (const site of ['1', '2', '3']) queue.push(waiter(`a/${site}/x`), 0);
    for (const name of ['b/1/x 1', 'b/1/x 2']) queue.push(waiter(name), 0);
    expect(drain(queue)).toEqual(['a/1/x', 'b/1/x 1', 'a/2/x', 'b/1/x 2', 'a/3/x']);
    expect(queue.shift(0)).toBeUndefined();
  });

  test('shift() takes the sites of an owner in turn, and the clients of a site', () => {
    const queue = new FairQueue<Named>();
    const names = ['a/1/x 1', 'a/1/x 2', 'a/1/x 3', 'a/1/y 1', 'a/2/x 1'];
    for (const name of names) queue.push(waiter(name), 0);
    expect(drain(queue)).toEqual(['a/1/x 1', 'a/2/x 1', 'a/1/y 1', 'a/1/x 2', 'a/1/x 3']);
  });

  test('shift() takes what one request of a client led to before its others', () => {
    const queue = new FairQueue<Named>();
    const [led, deeper] = [waiter('a/1/x led'), waiter('a/1/x deeper')];
    for (const name of ['a/1/x 1', 'a/1/x 2', 'b/1/x 1']) queue.push(waiter(name), 0);
    queue.push(led, 0, true);
    queue.push(deeper, 0, true);
    expect(queue.shift(0)?.name).toBe('a/1/x deeper');
    queue.push(deeper, 0, true);
    expect(queue.delete(led)).toBe(true);
    expect(queue.length).toBe(4);
    expect(drain(queue)).toEqual(['b/1/x 1', 'a/1/x deeper', 'a/1/x 1', 'a/1/x 2']);
  });

  test('oldestSinceMs is when the owner that has waited longest was last served or came', () => {
    const queue = new FairQueue<Named>();
    expect(queue.oldestSinceMs).toBe(Number.POSITIVE_INFINITY);
    queue.push(waiter('a/1/x'), 10);
    queue.push(waiter('b/1/x'), 20);
    queue.push(waiter('a/2/x'), 30);
    expect(queue.oldestSinceMs).toBe(10);
    queue.shift(40);
    expect(queue.oldestSinceMs).toBe(20);
    queue.shift(50);
    expect(queue.oldestSinceMs).toBe(40);
  });

  test('who waits alone is served, taken out and told of like others', () => {
    const used = new Map([['a', 5]]);
    const queue = new FairQueue<Named>({ of: (owner) => used.get(owner) ?? 0 });
    const [first, second] = [waiter('a/1/x 1'), waiter('b/1/x 1')];
    queue.push(first, 10);
    expect([queue.length, queue.ownerCount, queue.oldestSinceMs, queue.leastUsed]).toEqual([
      1, 1, 10, 5,
    ]);
    expect(queue.delete(second)).toBe(false);
    expect(queue.delete(first)).toBe(true);
    expect([queue.length, queue.ownerCount, queue.shift(0)]).toEqual([0, 0, undefined]);
    queue.push(first, 20);
    queue.push(second, 30);
    expect([queue.length, queue.ownerCount, queue.oldestSinceMs, queue.leastUsed]).toEqual([
      2, 2, 20, 0,
    ]);
    expect(drain(queue)).toEqual(['b/1/x 1', 'a/1/x 1']);
  });

  test('delete() takes out one waiter, and its lines when it was the last', () => {
    const queue = new FairQueue<Named>();
    const [first, second, third] = [waiter('a/1/x 1'), waiter('a/1/x 2'), waiter('a/2/x 1')];
    for (const each of [first, second, third]) queue.push(each, 0);
    expect(queue.delete(first)).toBe(true);
    expect(queue.delete(first)).toBe(false);
    expect([queue.length, queue.ownerCount]).toEqual([2, 1]);
    expect(queue.delete(second)).toBe(true);
    expect(queue.delete(third)).toBe(true);
    expect([queue.length, queue.ownerCount]).toEqual([0, 0]);
    expect(queue.shift(0)).toBeUndefined();
  });
});
