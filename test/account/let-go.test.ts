import { describe, expect, test } from 'vitest';
import { letGo } from '../../src/account/let-go.ts';

describe('letGo()', () => {
  test('gives a large buffer back', () => {
    const bytes = new Uint8Array(64 * 1024);
    letGo(bytes);
    expect(bytes.length).toBe(0);
    expect(bytes.buffer.byteLength).toBe(0);
  });

  test.each([
    ['small ones', () => new Uint8Array(100)],
    ['a part of a buffer', () => new Uint8Array(64 * 1024).subarray(1)],
    ['memory that threads share', () => new Uint8Array(new SharedArrayBuffer(64 * 1024))],
  ])('leaves %s alone', (_, make) => {
    const bytes = make();
    const { length } = bytes;
    letGo(bytes);
    expect(bytes.length).toBe(length);
  });

  test('can be told twice', () => {
    const bytes = new Uint8Array(64 * 1024);
    letGo(bytes);
    letGo(bytes);
    expect(bytes.length).toBe(0);
  });
});
