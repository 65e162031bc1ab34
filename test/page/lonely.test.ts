import path from 'node:path';
import { expect, test } from 'vitest';

const file = path.join(import.meta.dirname, '../../src/page/parts/lonely.js');
// Plain JavaScript without declarations.
const {
  lonely,
}: { readonly lonely: (values: readonly (number | null | undefined)[]) => number[] | null } =
  await import(file);

test('finds the values that no line can lead to', () => {
  expect(lonely([3, null, null, 4, 5, null, 6, undefined])).toEqual([0, 6]);
  expect(lonely([0])).toEqual([0]);
  expect(lonely([1, 2, null, 3, 4])).toBeNull();
  expect(lonely([])).toBeNull();
});
