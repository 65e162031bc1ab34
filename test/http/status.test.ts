import { describe, expect, test } from 'vitest';
import {
  isFinalStatus,
  isInterimStatus,
  isRedirect,
  statusHasBody,
} from '../../src/http/status.ts';

describe('the kinds of status', () => {
  test.each([
    [99, false, false],
    [100, true, false],
    [101, false, false],
    [103, true, false],
    [199, true, false],
    [200, false, true],
    [599, false, true],
    [600, false, false],
    [200.5, false, false],
    [Number.NaN, false, false],
  ])('%d', (status, isInterim, isFinal) => {
    expect(isInterimStatus(status)).toBe(isInterim);
    expect(isFinalStatus(status)).toBe(isFinal);
  });

  test.each([204, 205, 304])('%d has no body', (status) =>
    expect(statusHasBody(status)).toBe(false),
  );
  test.each([200, 206, 301, 404])('%d has one', (status) =>
    expect(statusHasBody(status)).toBe(true),
  );

  test('304 and 300 send nobody on', () => {
    expect([300, 301, 302, 303, 304, 305, 306, 307, 308].filter(isRedirect)).toEqual([
      301, 302, 303, 307, 308,
    ]);
  });
});
