import { describe, expect, test } from 'vitest';
import { openCardScan } from '../../../src/engine/restore/card-scan.ts';

describe('openCardScan', () => {
  test('finds the next mark, wherever it begins and ends to look', () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const marks = new Uint8Array(memory.buffer);
    const next = openCardScan(memory);
    for (const marked of [0, 1, 7, 8, 39, 40, 63, 64, 100]) {
      marks.fill(0).fill(1, marked, marked + 1);
      const place = marked - (marked % 8);
      for (let at = 0; at <= 128; at += 8) {
        for (let end = at; end <= 128; end += 8) {
          expect(next(at, end)).toBe(at <= place && place < end ? place : end);
        }
      }
    }
  });

  test('looks at the whole of a memory, and no further', () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const marks = new Uint8Array(memory.buffer);
    const next = openCardScan(memory);
    expect(next(0, marks.length)).toBe(marks.length);
    expect(next(marks.length, marks.length)).toBe(marks.length);
    marks[marks.length - 1] = 1;
    expect(next(0, marks.length)).toBe(marks.length - 8);
  });
});
