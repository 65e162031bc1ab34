import { describe, expect, it } from 'vitest';
import { evaluatePreconditions, parseRange, versionOf } from '../../src/serve/file-version.ts';

const VERSION = versionOf({ size: 100n, mtimeNs: 1_700_000_000_123_456_789n });
const DATE = VERSION.lastModified;
const LATER = new Date(VERSION.modifiedAtMs + 1_000).toUTCString();
const EARLIER = new Date(VERSION.modifiedAtMs - 1_000).toUTCString();

describe('evaluatePreconditions()', () => {
  it.each([
    [[], 'proceed'],
    [[['if-none-match', VERSION.etag]], 'not-modified'],
    [[['if-none-match', `"x", W/${VERSION.etag}`]], 'not-modified'],
    [[['if-none-match', '*']], 'not-modified'],
    [[['if-none-match', '"x"']], 'proceed'],
    [[['if-modified-since', DATE]], 'not-modified'],
    [[['if-modified-since', EARLIER]], 'proceed'],
    [[['if-modified-since', 'nonsense']], 'proceed'],
    // A tag that differs wins over a date that does not.
    [
      [
        ['if-none-match', '"x"'],
        ['if-modified-since', LATER],
      ],
      'proceed',
    ],
    [[['if-match', '"x"']], 'failed'],
    [[['if-match', `W/${VERSION.etag}`]], 'failed'],
    [[['if-match', VERSION.etag]], 'proceed'],
    [[['if-unmodified-since', EARLIER]], 'failed'],
    [[['if-unmodified-since', DATE]], 'proceed'],
  ] as [[string, string][], string][])('answers %j with %s', (headers, verdict) => {
    expect(evaluatePreconditions(headers, VERSION)).toBe(verdict);
  });
});

describe('parseRange()', () => {
  it.each([
    ['bytes=0-0', { first: 0, last: 0 }],
    ['bytes=10-', { first: 10, last: 99 }],
    ['bytes=-10', { first: 90, last: 99 }],
    ['bytes=-1000', { first: 0, last: 99 }],
    ['bytes=90-1000', { first: 90, last: 99 }],
    ['bytes=100-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=5-4', undefined],
    ['bytes=0-1,3-4', undefined],
    ['bytes=-', undefined],
    ['items=0-1', undefined],
    ['bytes=99999999999999999999-', undefined],
  ])('reads %s', (range, expected) => {
    expect(parseRange([['range', range]], VERSION)).toEqual(expected);
  });

  it('ignores the range of another version', () => {
    const range = ['range', 'bytes=0-0'] as const;
    expect(parseRange([range, ['if-range', '"x"']], VERSION)).toBeUndefined();
    expect(parseRange([range, ['if-range', EARLIER]], VERSION)).toBeUndefined();
    expect(parseRange([range, ['if-range', VERSION.etag]], VERSION)).toBeDefined();
    expect(parseRange([range, ['if-range', DATE]], VERSION)).toBeDefined();
  });

  it('finds no byte in an empty file', () => {
    const empty = versionOf({ size: 0n, mtimeNs: 0n });
    expect(parseRange([['range', 'bytes=0-']], empty)).toBe('unsatisfiable');
    expect(parseRange([['range', 'bytes=-1']], empty)).toBe('unsatisfiable');
  });
});
