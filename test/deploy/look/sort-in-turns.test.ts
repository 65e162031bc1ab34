import { describe, expect, test } from 'vitest';
import { sortInTurns } from '../../../src/deploy/look/sort-in-turns.ts';

const isLess = (left: number, right: number): boolean => left < right;

/** The same numbers each time, in no order. */
function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => (index * 7_919) % 4_001);
}

describe('sortInTurns()', () => {
  test.each([0, 1, 2, 1_024, 1_025, 3_000, 20_000])('sorts %d items', async (count) => {
    const items = numbers(count);
    expect(await sortInTurns(items, isLess)).toEqual(items.toSorted((a, b) => a - b));
  });

  test('keeps the order of equal items', async () => {
    const items = numbers(10_000).map((key, place) => ({ key, place }));
    const sorted = await sortInTurns(items, (left, right) => left.key < right.key);
    expect(sorted).toEqual(items.toSorted((left, right) => left.key - right.key));
  });

  test('lets others have a turn every thousand items', async () => {
    let turns = 0;
    let isSorting = true;
    const count = (): void => {
      turns += 1;
      if (isSorting) setImmediate(count);
    };
    setImmediate(count);
    await sortInTurns(numbers(20_000), isLess);
    isSorting = false;
    expect(turns).toBeGreaterThan(80);
  });
});
