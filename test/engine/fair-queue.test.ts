import { describe, expect, it } from 'vitest';
import { FairQueue } from '../../src/engine/fair-queue.ts';

const waiter = (siteKey: string, name = siteKey) => ({ siteKey, name });

describe('FairQueue', () => {
  it('shift() takes sites in turn, and within a site the first that came', () => {
    const queue = new FairQueue<{ siteKey: string; name: string }>();
    for (const name of ['a1', 'a2', 'a3']) queue.push(waiter('a', name), 0);
    queue.push(waiter('b', 'b1'), 1);
    const order = [2, 3, 4, 5, 6].map((nowMs) => queue.shift(nowMs)?.name);
    expect(order).toEqual(['a1', 'b1', 'a2', 'a3', undefined]);
    expect(queue.length).toBe(0);
  });

  it('oldestSinceMs is when the site that has waited longest was last served or came', () => {
    const queue = new FairQueue();
    expect(queue.oldestSinceMs).toBe(Number.POSITIVE_INFINITY);
    queue.push(waiter('a'), 10);
    queue.push(waiter('b'), 20);
    queue.push(waiter('a'), 30);
    expect(queue.oldestSinceMs).toBe(10);
    queue.shift(40);
    expect(queue.oldestSinceMs).toBe(20);
    queue.shift(50);
    expect(queue.oldestSinceMs).toBe(40);
  });

  it('delete() takes out one waiter, and its site when it was the last', () => {
    const queue = new FairQueue();
    const [first, second] = [waiter('a'), waiter('a')];
    queue.push(first, 0);
    queue.push(second, 0);
    expect(queue.delete(first)).toBe(true);
    expect(queue.delete(first)).toBe(false);
    expect([queue.length, queue.siteCount]).toEqual([1, 1]);
    expect(queue.delete(second)).toBe(true);
    expect([queue.length, queue.siteCount]).toEqual([0, 0]);
  });
});
