import { describe, expect, test } from 'vitest';
import { inspectModule } from '../../../src/wasm/inspect.ts';
import { filledBytesOf } from '../../../src/wasm/meter/filled.ts';
import { assemble, emitModule } from '../support/assemble.ts';

function filledIn(fields: string) {
  const bytes = assemble(`(module ${fields})`);
  return filledBytesOf(bytes, inspectModule(bytes));
}

describe('filledBytesOf()', () => {
  test('is from the first to the last byte of all segments, of each memory', () => {
    expect(filledIn('(memory 1)')).toEqual([{ from: 0, to: 0 }]);
    expect(filledIn('(memory 3) (data (i32.const 131072) "abc")')).toEqual([
      { from: 131_072, to: 131_075 },
    ]);
    const three = '(data (i32.const 70000) "ab") (data (i32.const 40) "c") (data (i32.const 9) "")';
    expect(filledIn(`(memory 2) ${three}`)).toEqual([{ from: 40, to: 70_002 }]);
    const inSecond = [2, 1, 0x41, 7, 0x0b, 1, 0x64];
    const bytes = emitModule({
      memories: [
        [0, 1],
        [0, 1],
      ],
      data: [inSecond],
    });
    expect(filledBytesOf(bytes, inspectModule(bytes))).toEqual([
      { from: 0, to: 0 },
      { from: 7, to: 8 },
    ]);
  });

  test('leaves out what is copied later, by code', () => {
    expect(filledIn('(memory 1) (data "passive") (data (i32.const 9) "x")')).toEqual([
      { from: 9, to: 10 },
    ]);
  });

  test.each([
    ['a global', '(import "a" "b" (global i32)) (memory 1) (data (global.get 0) "x")'],
    ['a 64-bit number', '(memory i64 1) (data (i64.const 5) "x")'],
    ['beyond 2 GiB', '(memory 1) (data (i32.const -8) "x")'],
  ])('is not known where a place is %s', (_, fields) => {
    expect(filledIn(`${fields} (func)`)).toBeUndefined();
  });
});
