import { describe, expect, test } from 'vitest';
import {
  evaluatePreconditions,
  isRewritten,
  parseRange,
  versionOf,
} from '../../../src/serve/road/file-version.ts';

const NOW_MS = 1_800_000_000_000;
const NS_PER_S = 1_000_000_000n;
const FACTS = {
  size: 100n,
  mtimeNs: 1_700_000_000_123_456_789n,
  ctimeNs: 1_700_000_000_223_456_789n,
  ino: 7n,
  nlink: 1n,
};
const VERSION = versionOf(FACTS, NOW_MS);
const DATE = VERSION.lastModified;
const LATER = new Date(VERSION.modifiedAtMs + 1_000).toUTCString();
const EARLIER = new Date(VERSION.modifiedAtMs - 1_000).toUTCString();

describe('evaluatePreconditions()', () => {
  test.each([
    [[], 'proceed'],
    [[['if-none-match', VERSION.etag]], 'not-modified'],
    [[['if-none-match', `"x", W/${VERSION.etag}`]], 'not-modified'],
    [[['if-none-match', '*']], 'not-modified'],
    [[['if-none-match', '"x"']], 'proceed'],
    [[['if-modified-since', DATE]], 'not-modified'],
    [[['if-modified-since', EARLIER]], 'proceed'],
    // The file was replaced by an older one.
    [[['if-modified-since', LATER]], 'proceed'],
    [[['if-modified-since', 'nonsense']], 'proceed'],
    [[['if-modified-since', 'x 2098']], 'proceed'],
    [[['if-modified-since', 'Fri, 31 Feb 2099 00:00:00 GMT']], 'proceed'],
    // asctime, which names no zone, is UTC: this is one second before.
    [[['if-modified-since', 'Tue Nov 14 22:13:19 2023']], 'proceed'],
    [[['if-modified-since', 'Tue Nov 14 22:13:20 2023']], 'not-modified'],
    [[['if-modified-since', 'Tuesday, 14-Nov-23 22:13:20 GMT']], 'not-modified'],
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
  test.each([
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

  test('ignores the range of another version', () => {
    const range = ['range', 'bytes=0-0'] as const;
    expect(parseRange([range, ['if-range', '"x"']], VERSION)).toBeUndefined();
    expect(parseRange([range, ['if-range', EARLIER]], VERSION)).toBeUndefined();
    expect(parseRange([range, ['if-range', VERSION.etag]], VERSION)).toBeDefined();
    expect(parseRange([range, ['if-range', DATE]], VERSION)).toBeDefined();
  });

  test.each([
    ['is of this second', BigInt(NOW_MS) * 1_000_000n, BigInt(NOW_MS) * 1_000_000n],
    // As `touch -d` or a copy with times leaves it: nobody knows when it was written.
    ['is older than the change', FACTS.mtimeNs, FACTS.ctimeNs + NS_PER_S],
  ])('believes no date that %s', (_, mtimeNs, ctimeNs) => {
    const version = versionOf({ ...FACTS, mtimeNs, ctimeNs }, NOW_MS);
    const headers = [
      ['range', 'bytes=0-0'],
      ['if-range', version.lastModified],
    ] as const;
    expect(parseRange(headers, version)).toBeUndefined();
  });

  test('finds no first byte in an empty file, and its last ones are all there is', () => {
    const empty = versionOf({ ...FACTS, size: 0n }, NOW_MS);
    expect(parseRange([['range', 'bytes=0-']], empty)).toBe('unsatisfiable');
    expect(parseRange([['range', 'bytes=-0']], empty)).toBe('unsatisfiable');
    expect(parseRange([['range', 'bytes=-5']], empty)).toBeUndefined();
  });
});

describe('versionOf()', () => {
  test.each(['size', 'mtimeNs', 'ctimeNs', 'ino'] as const)(
    'is another one when the %s is',
    (fact) => {
      const other = versionOf({ ...FACTS, [fact]: FACTS[fact] + 1n }, NOW_MS);
      expect(other.etag).not.toBe(VERSION.etag);
    },
  );

  test('is weak as long as a second write might leave the same times', () => {
    const ctimeNs = BigInt(NOW_MS - 500) * 1_000_000n;
    const fresh = versionOf({ ...FACTS, ctimeNs }, NOW_MS);
    const settled = versionOf({ ...FACTS, ctimeNs }, NOW_MS + 1_000);
    expect(fresh.etag).toBe(`W/${settled.etag}`);
    expect(evaluatePreconditions([['if-none-match', fresh.etag]], settled)).toBe('not-modified');
    expect(evaluatePreconditions([['if-none-match', settled.etag]], fresh)).toBe('not-modified');
    expect(evaluatePreconditions([['if-match', settled.etag]], fresh)).toBe('failed');
    const headers = [
      ['range', 'bytes=0-0'],
      ['if-range', fresh.etag],
    ] as const;
    expect(parseRange(headers, settled)).toBeUndefined();
  });

  test('shows no time that is still to come, and is never unchanged since then', () => {
    const version = versionOf({ ...FACTS, mtimeNs: 4_000_000_000n * NS_PER_S }, NOW_MS);
    expect(Date.parse(version.lastModified)).toBe(NOW_MS);
    const since = [['if-modified-since', version.lastModified]] as const;
    expect(evaluatePreconditions(since, version)).toBe('proceed');
  });
});

describe('isRewritten()', () => {
  test.each([
    ['nothing', {}, false],
    ['another size', { size: 99n }, true],
    ['another time of writing', { mtimeNs: FACTS.mtimeNs + 1n }, true],
    ['another time of change', { ctimeNs: FACTS.ctimeNs + 1n }, true],
    // Replaced by renaming, or linked: the bytes are the same.
    ['a name less', { ctimeNs: FACTS.ctimeNs + 1n, nlink: 0n }, false],
  ])('says of %s', (_, changed, expected) => {
    expect(isRewritten(FACTS, { ...FACTS, ...changed })).toBe(expected);
  });
});
