import { describe, expect, test } from 'vitest';
import { StringBlock } from '../../../src/abi/objects/string-block.ts';

describe('StringBlock', () => {
  test('has a NUL behind each, and where each begins', () => {
    const block = StringBlock.of(['a=1', '', 'long=value']);
    expect(block.text).toBe('a=1\0\0long=value\0');
    expect(block.starts).toEqual([0, 4, 5]);
    expect(block.list()).toEqual(['a=1', '', 'long=value']);
  });

  test('of nothing is nothing', () => {
    const block = StringBlock.of([]);
    expect([block.count, block.text, block.list()]).toEqual([0, '', []]);
  });
});
