import { describe, expect, test } from 'vitest';
import { StringBlock } from '../../../src/abi/wasip1/string-block.ts';

function addressesOf(block: StringBlock, start: number): readonly number[] {
  const bytes = Buffer.from(block.addressesFrom(start));
  return Array.from({ length: block.count }, (_, index) => bytes.readUInt32LE(index * 4));
}

describe('StringBlock', () => {
  test('has a NUL behind each, and where each begins', () => {
    const block = new StringBlock(['a=1', '', 'long=value']);
    expect(block.text).toBe('a=1\0\0long=value\0');
    expect(addressesOf(block, 100)).toEqual([100, 104, 105]);
  });

  test('of nothing is nothing', () => {
    const block = new StringBlock([]);
    expect([block.count, block.text, block.addressesFrom(8).length]).toEqual([0, '', 0]);
  });

  test('takes addresses without a sign', () => {
    expect(addressesOf(new StringBlock(['a', 'b']), -16)).toEqual([2 ** 32 - 16, 2 ** 32 - 14]);
  });
});
