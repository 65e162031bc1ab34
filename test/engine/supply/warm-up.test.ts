import { describe, expect, test } from 'vitest';
import { WarmUp } from '../../../src/engine/supply/warm-up.ts';
import type { OwnerKey } from '../../../src/names.ts';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('WarmUp', () => {
  test('has one under way for each owner, and the next when that is done', async () => {
    const warmUp = new WarmUp();
    const began: string[] = [];
    const ends = new Map<string, () => void>();
    const add = (owner: string, name: string): void =>
      warmUp.add(owner as OwnerKey, () => {
        began.push(name);
        return new Promise((resolve) => ends.set(name, resolve));
      });
    for (const name of ['a1', 'a2', 'a3']) add('a', name);
    add('b', 'b1');
    expect(began).toEqual(['a1', 'b1']);
    ends.get('a1')?.();
    await nextTurn();
    expect(began).toEqual(['a1', 'b1', 'a2']);
    warmUp.close();
    ends.get('a2')?.();
    add('c', 'c1');
    await nextTurn();
    expect(began).toEqual(['a1', 'b1', 'a2']);
  });

  test('leaves out what is more than may wait', async () => {
    const warmUp = new WarmUp();
    let done = 0;
    for (let count = 0; count < 200; count += 1) {
      warmUp.add('a' as OwnerKey, async () => {
        done += 1;
      });
    }
    await nextTurn();
    expect(done).toBe(65);
    warmUp.add('a' as OwnerKey, async () => {
      done += 1;
    });
    expect(done).toBe(66);
  });
});
