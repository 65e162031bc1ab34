import { expect, test } from 'vitest';
import { inBytes } from '../src/amounts.ts';

test.each([
  [0, '0 bytes'],
  [1_023, '1023 bytes'],
  [1_024, '1 KiB'],
  [65_537, '65537 bytes'],
  [134_217_728, '128 MiB'],
  [1536 * 1024, '1536 KiB'],
  [4 * 1024 ** 3, '4 GiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(inBytes(bytes)).toBe(text);
});
