import { describe, expect, test } from 'vitest';
import { acceptedCodings } from '../../src/http/content-coding.ts';

describe('acceptedCodings()', () => {
  test.each([
    ['gzip, deflate, br, zstd', 'zstd br gzip'],
    ['zstd;q=0.1, gzip', 'gzip zstd'],
    ['br;q=0.5, gzip;q=0.5, zstd;q=0.4', 'br gzip zstd'],
    ['gzip;q=0, br', 'br'],
    ['*', 'zstd br gzip'],
    ['gzip, *;q=0', 'gzip'],
    ['*;q=0.1, br;q=0.2', 'br zstd gzip'],
    ['GZIP', 'gzip'],
    ['x-gzip', 'gzip'],
    ['identity', ''],
    ['identity;q=0', ''],
    ['', ''],
    ['deflate', ''],
    ['br;q=2', ''],
    ['br;q=1.001', ''],
    ['br;q=0.000', ''],
    ['br ; q=0.9 , gzip', 'gzip br'],
    [`${'x,'.repeat(40)}gzip`, ''],
  ])('of %j', (header, expected) => expect(acceptedCodings(header).join(' ')).toBe(expected));
});
