import { expect, test } from 'vitest';
import { readDataImage } from '../../../src/wasm/go/data-image.ts';
import { inspectModule } from '../../../src/wasm/inspect.ts';
import { assemble } from '../support/assemble.ts';

function imageOf(fields: string, bytesMax = 100): string | undefined {
  const bytes = assemble(`(module (memory 1) ${fields})`);
  return readDataImage(bytes, inspectModule(bytes), bytesMax)?.toString('latin1');
}

test('has what segments say, and zeros between', () => {
  expect(imageOf('(data (i32.const 4) "cd") (data (i32.const 1) "a")')).toBe('\0a\0\0cd');
  expect(imageOf('(data (i32.const 0) "abc") (data (i32.const 1) "X")')).toBe('aXc');
});

test('is of no more than the bytes that it may have', () => {
  expect(imageOf('(data (i32.const 98) "ab")')?.length).toBe(100);
  expect(imageOf('(data (i32.const 99) "ab")')).toBeUndefined();
  expect(imageOf('(data (i32.const -1) "a")')).toBeUndefined();
});

test('is of constant segments alone', () => {
  expect(imageOf('')).toBeUndefined();
  expect(imageOf('(data (i32.const 0) "a") (data "passive")')).toBeUndefined();
  const imported = '(data (global.get $at) "a")';
  const bytes = assemble(`(module (import "m" "g" (global $at i32)) (memory 1) ${imported})`);
  expect(readDataImage(bytes, inspectModule(bytes), 100)).toBeUndefined();
});
