import path from 'node:path';
import { expect, test } from 'vitest';

const file = path.join(import.meta.dirname, '../../src/page/format.js');
// Plain JavaScript without declarations.
const { count, percent }: Readonly<Record<'count' | 'percent', (value: number) => string>> =
  await import(file);

test('two steps of an axis never read alike', () => {
  for (const step of [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5]) {
    const words = [0, 1, 2].map((at) => percent(at * step));
    expect(new Set(words).size).toBe(3);
  }
  expect([0, 0.5, 1, 1.5].map(count)).toEqual(['0', '0.5', '1', '1.5']);
  expect([0, 0.0005, 0.034, 0.5].map(percent)).toEqual(['0 %', '0.05 %', '3.4 %', '50 %']);
});
