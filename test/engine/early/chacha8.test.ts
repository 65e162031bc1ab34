/** The generator of Go's runtime, by the numbers of its specification (c2sp.org/chacha8rand). */
import { expect, test } from 'vitest';
import { blockWords, nextKey, writeBlock } from '../../../src/engine/early/chacha8.ts';

const bytes = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ123456');
const key = Uint32Array.from({ length: 8 }, (_, word) => bytes.readUInt32LE(word * 4));

function numbers(of: Uint32Array, counter: number, count: number): readonly string[] {
  const block = new Uint32Array(blockWords);
  writeBlock(block, of, counter);
  return Array.from({ length: count }, (_, place) => {
    const [low = 0, high = 0] = block.subarray(place * 2);
    return (BigInt(high) * 2n ** 32n + BigInt(low)).toString(16).padStart(16, '0');
  });
}

test('a block has the numbers of its key and counter', () => {
  expect(numbers(key, 0, 4)).toEqual([
    'b773b6063d4616a5',
    '1160af22a66abc3c',
    '8c2599d9418d287c',
    '7ee07e037edc5cd6',
  ]);
  expect(numbers(key, 4, 2)).toEqual(['ccf065f7190ff080', 'fd76d1aa39673330']);
});

test('the last four numbers of the fourth block are the next key', () => {
  expect(numbers(nextKey(key), 0, 2)).toEqual(['5f41df72e05e0487', '25bd7e1e1ae26b1d']);
});
