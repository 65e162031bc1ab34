import { describe, expect, test } from 'vitest';
import { formatHttpDate, parseHttpDate, parseRetryAfter } from '../../src/http/date.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const EXAMPLE_MS = Date.UTC(1994, 10, 6, 8, 49, 37);

describe('parseHttpDate()', () => {
  test.each([
    ['Sun, 06 Nov 1994 08:49:37 GMT', EXAMPLE_MS],
    ['Sunday, 06-Nov-94 08:49:37 GMT', EXAMPLE_MS],
    ['Sun Nov  6 08:49:37 1994', EXAMPLE_MS],
    ['Thu Nov 10 08:49:37 1994', Date.UTC(1994, 10, 10, 8, 49, 37)],
    ['Thu, 29 Feb 2024 00:00:00 GMT', Date.UTC(2024, 1, 29)],
    ['Sat, 31 Dec 2016 23:59:60 GMT', Date.UTC(2017, 0, 1)],
    // 2076 is fifty years ahead, 2077 more.
    ['Wednesday, 01-Jan-76 00:00:00 GMT', Date.UTC(2076, 0, 1)],
    ['Saturday, 01-Jan-77 00:00:00 GMT', Date.UTC(1977, 0, 1)],
    ['Sat, 01 Jan 0050 00:00:00 GMT', new Date('0050-01-01T00:00:00Z').getTime()],
  ])('reads %s', (text, timeMs) => expect(parseHttpDate(text, NOW_MS)).toBe(timeMs));

  test.each([
    '',
    'x 2098',
    '2098',
    '0',
    '2026-01-01T00:00:00Z',
    'Fri, 31 Feb 2099 00:00:00 GMT',
    'Thu, 29 Feb 2023 00:00:00 GMT',
    'Mon, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 08:60:00 GMT',
    'Sun, 06 Nov 1994 08:49:61 GMT',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37 +0000',
    'Sun, 06 Nov 1994 08:49:37',
    'sun, 06 nov 1994 08:49:37 gmt',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994  08:49:37 GMT',
    'Sun, 00 Nov 1994 08:49:37 GMT',
    'Sun Nov 06 08:49:37 1994 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT',
  ])('takes %j for no date', (text) => expect(parseHttpDate(text, NOW_MS)).toBeUndefined());
});

test('what is sent is the first of the forms', () => {
  expect(formatHttpDate(EXAMPLE_MS)).toBe('Sun, 06 Nov 1994 08:49:37 GMT');
});

test.each([
  ['0', 0],
  ['120', 120_000],
  ['Thu, 01 Jan 2026 00:00:05 GMT', 5_000],
  ['Wed, 31 Dec 2025 23:59:59 GMT', 0],
  ['-1', undefined],
  ['1.5', undefined],
  ['2026-01-01T00:00:05Z', undefined],
  ['soon', undefined],
])('Retry-After: %s', (text, delayMs) => expect(parseRetryAfter(text, NOW_MS)).toBe(delayMs));
