import { describe, expect, test } from 'vitest';
import { ReplyBatch } from '../../src/serve/reply-batch.ts';

const macrotask = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('ReplyBatch', () => {
  test('lets answers leave in their order before the thread waits', async () => {
    const left: number[] = [];
    const batch = new ReplyBatch();
    for (let number = 0; number < 3; number += 1) batch.add({ depart: () => left.push(number) });
    expect(left).toEqual([]);
    await macrotask();
    expect(left).toEqual([0, 1, 2]);
    batch.add({ depart: () => left.push(3) });
    await macrotask();
    expect(left).toEqual([0, 1, 2, 3]);
  });

  test('lets no answer wait for more than 31 others', async () => {
    let left = 0;
    const batch = new ReplyBatch();
    for (let count = 0; count < 33; count += 1) batch.add({ depart: () => (left += 1) });
    expect(left).toBe(32);
    await macrotask();
    expect(left).toBe(33);
  });

  test('lets those that are ready leave when others have their turns, and none twice', async () => {
    const left: number[] = [];
    const batch = new ReplyBatch();
    batch.add({ depart: () => left.push(1) });
    batch.leave();
    expect(left).toEqual([1]);
    batch.add({ depart: () => left.push(2) });
    expect(left).toEqual([1]);
    await macrotask();
    expect(left).toEqual([1, 2]);
  });

  test('takes answers that are added while others leave', async () => {
    const left: string[] = [];
    const batch = new ReplyBatch();
    batch.add({
      depart: () => {
        left.push('first');
        batch.add({ depart: () => left.push('second') });
      },
    });
    await macrotask();
    await macrotask();
    expect(left).toEqual(['first', 'second']);
  });
});
