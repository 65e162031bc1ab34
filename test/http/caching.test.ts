import { describe, expect, test } from 'vitest';
import { parseCacheControl, secondsOf } from '../../src/http/cache-control.ts';
import {
  backendHeaders,
  hasValidator,
  refreshed,
  replyFromCache,
} from '../../src/http/cached-reply.ts';
import {
  cachePolicyOf,
  isCacheableRequest,
  storabilityOf,
  surrogateKeysOf,
} from '../../src/http/caching.ts';
import type { Header } from '../../src/http/message.ts';

const nowMs = Date.UTC(2026, 10, 29, 12);
const get = { method: 'GET', headers: [] as Header[] };
const varyBy = (count: number): string =>
  Array.from({ length: count }, (_, at) => `x-${at}`).join(', ');

describe('Cache-Control', () => {
  test.each([
    ['max-age=60', { 'max-age': '60' }],
    ['Public, MAX-AGE = 60 ,no-store', { public: '', 'max-age': '60', 'no-store': '' }],
    ['private="a, b", max-age=1', { private: 'a, b', 'max-age': '1' }],
    ['max-age="60"', { 'max-age': '60' }],
    ['max-age=1, max-age=2', { 'max-age': '1' }],
    ['=, ;;, max-age=3', { 'max-age': '3' }],
    ['', {}],
    [undefined, {}],
  ])('%j', (text, expected) => {
    expect(Object.fromEntries(parseCacheControl(text))).toEqual(expected);
  });

  test('says seconds only where they are digits', () => {
    const told = parseCacheControl('a=-1, b=1.5, c=99999999999999, d');
    expect(['a', 'b', 'c', 'd'].map((name) => secondsOf(told, name))).toEqual([
      undefined,
      undefined,
      2_147_483_648,
      undefined,
    ]);
  });
});

describe('a response', () => {
  test.each<[string, readonly Header[], number]>([
    ['nothing', [], 120_000],
    ['max-age', [['cache-control', 'max-age=5']], 5_000],
    ['s-maxage before max-age', [['cache-control', 'max-age=5, s-maxage=7']], 7_000],
    ['no-cache', [['cache-control', 'no-cache, max-age=5']], 0],
    [
      'Surrogate-Control before all',
      [
        ['surrogate-control', 'max-age=9'],
        ['cache-control', 'no-cache, s-maxage=7'],
      ],
      9_000,
    ],
    [
      'Expires from Date on',
      [
        ['date', 'Sun, 29 Nov 2026 10:00:00 GMT'],
        ['expires', 'Sun, 29 Nov 2026 10:00:30 GMT'],
      ],
      30_000,
    ],
    ['Expires without Date', [['expires', 'Sun, 29 Nov 2026 12:00:10 GMT']], 10_000],
    ['an Expires that is no date', [['expires', '0']], 0],
  ])('is fresh for so long by %s', (_what, headers, expected) => {
    expect(cachePolicyOf({ status: 200, headers }, nowMs).maxAgeMs).toBe(expected);
  });

  test('says more of itself', () => {
    const headers: Header[] = [
      ['cache-control', 'max-age=1, stale-while-revalidate=2, stale-if-error=3'],
      ['age', '4'],
      ['vary', 'Accept, accept-encoding'],
      ['vary', 'ACCEPT'],
      ['surrogate-key', 'one two  one'],
      ['content-length', '12'],
    ];
    expect(cachePolicyOf({ status: 200, headers }, nowMs)).toEqual({
      maxAgeMs: 1_000,
      initialAgeMs: 4_000,
      staleWhileRevalidateMs: 2_000,
      staleIfErrorMs: 3_000,
      varyBy: ['accept', 'accept-encoding'],
      surrogateKeys: ['one', 'two'],
      knownBytes: 12,
    });
    const strict: Header[] = [['cache-control', 'must-revalidate, stale-if-error=3']];
    expect(cachePolicyOf({ status: 200, headers: strict }, nowMs).staleIfErrorMs).toBe(0);
  });

  test.each<[string, number, readonly Header[], string]>([
    ['plain', 200, [], 'store'],
    ['a 404', 404, [], 'store'],
    ['a 500', 500, [], 'not-now'],
    ['a part', 206, [], 'not-now'],
    ['private', 200, [['cache-control', 'private']], 'never'],
    ['no-store', 200, [['cache-control', 'no-store']], 'never'],
    ['with a cookie', 200, [['set-cookie', 'a=b']], 'never'],
    ['that varies by everything', 200, [['vary', 'accept, *']], 'never'],
    ['that varies by much', 200, [['vary', varyBy(64)]], 'store'],
    ['that varies by too much', 200, [['vary', varyBy(65)]], 'never'],
    [
      'private but for caches like this one',
      200,
      [
        ['cache-control', 'private'],
        ['surrogate-control', 'max-age=5'],
      ],
      'store',
    ],
  ])('%s is kept: %s', (_what, status, headers, expected) => {
    expect(storabilityOf(get, { status, headers })).toBe(expected);
  });

  test('to one who has named herself is kept only where it says that all may have it', () => {
    const request = { method: 'GET', headers: [['authorization', 'Basic x']] as Header[] };
    expect(storabilityOf(request, { status: 200, headers: [] })).toBe('never');
    const headers: Header[] = [['cache-control', 'public']];
    expect(storabilityOf(request, { status: 200, headers })).toBe('store');
  });

  test('is kept by force, but not where nothing would ever find it', () => {
    const headers: Header[] = [['cache-control', 'private']];
    expect(storabilityOf(get, { status: 200, headers }, true)).toBe('store');
    expect(storabilityOf(get, { status: 500, headers }, true)).toBe('not-now');
    expect(storabilityOf(get, { status: 200, headers: [['vary', '*']] }, true)).toBe('never');
  });

  test('has so many surrogate keys at most', () => {
    const many = Array.from({ length: 2_000 }, (_, number) => `k${number}`).join(' ');
    expect(surrogateKeysOf(many)).toHaveLength(1_000);
  });
});

test('requests that only read are looked up', () => {
  const methods = ['GET', 'HEAD', 'POST', 'PUT'];
  expect(methods.map((method) => isCacheableRequest({ method, headers: [] }))).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

describe('what is kept', () => {
  const kept = {
    status: 200,
    headers: [
      ['etag', '"a"'],
      ['last-modified', 'Sun, 29 Nov 2026 10:00:00 GMT'],
      ['content-length', '10'],
      ['content-type', 'text/plain'],
    ] as Header[],
  };
  const reply = (headers: Header[], method = 'GET') =>
    replyFromCache({ method, headers }, kept, { bodyBytes: 10, nowMs });

  test.each<[Header[]]>([
    [[['if-none-match', '"a"']]],
    [[['if-none-match', '"b", W/"a"']]],
    [[['if-none-match', '*']]],
    [[['if-modified-since', 'Sun, 29 Nov 2026 10:00:00 GMT']]],
  ])('has not changed for %j', (headers) => {
    expect(reply(headers)).toMatchObject({ status: 304, part: { kind: 'none' } });
    expect(reply(headers).headers).not.toContainEqual(['content-length', '10']);
  });

  test.each<[Header[]]>([
    [[['if-none-match', '"b"']]],
    [
      [
        ['if-none-match', '"b"'],
        ['if-modified-since', 'Sun, 29 Nov 2026 11:00:00 GMT'],
      ],
    ],
    [[['if-modified-since', 'Sun, 29 Nov 2026 09:59:59 GMT']]],
    [[['if-modified-since', 'yesterday']]],
  ])('is given whole for %j', (headers) => {
    expect(reply(headers)).toMatchObject({ status: 200, part: { kind: 'all' } });
  });

  test.each([
    ['bytes=0-3', 0, 3],
    ['bytes=4-', 4, 9],
    ['bytes=-2', 8, 9],
    ['bytes=8-99', 8, 9],
    ['bytes=-99', 0, 9],
  ])('is given in part: %s', (range, from, to) => {
    const found = reply([['range', range]]);
    expect(found).toMatchObject({ status: 206, part: { kind: 'range', from, to } });
    expect(found.headers).toContainEqual(['content-range', `bytes ${from}-${to}/10`]);
    expect(found.headers).toContainEqual(['content-length', String(to - from + 1)]);
  });

  test.each(['bytes=10-', 'bytes=-0'])('has no such part: %s', (range) => {
    expect(reply([['range', range]])).toMatchObject({ status: 416, part: { kind: 'none' } });
    expect(reply([['range', range]]).headers).toContainEqual(['content-range', 'bytes */10']);
  });

  test.each<[Header[]]>([
    [[['range', 'bytes=3-1']]],
    [[['range', 'bytes=0-1, 3-4']]],
    [[['range', 'lines=0-1']]],
    [
      [
        ['range', 'bytes=0-1'],
        ['if-range', '"b"'],
      ],
    ],
    [
      [
        ['range', 'bytes=0-1'],
        ['if-range', 'W/"a"'],
      ],
    ],
  ])('is given whole where the part does not hold: %j', (headers) => {
    expect(reply(headers)).toMatchObject({ status: 200, part: { kind: 'all' } });
  });

  test('is asked for whole, or whether it still holds', () => {
    const asked: Header[] = [
      ['range', 'bytes=0-1'],
      ['if-none-match', '"visitor"'],
      ['accept', '*/*'],
    ];
    expect(backendHeaders(asked, undefined)).toEqual([['accept', '*/*']]);
    expect(backendHeaders(asked, kept)).toEqual([
      ['accept', '*/*'],
      ['if-none-match', '"a"'],
      ['if-modified-since', 'Sun, 29 Nov 2026 10:00:00 GMT'],
    ]);
    expect(hasValidator(kept)).toBe(true);
    expect(hasValidator({ status: 200, headers: [] })).toBe(false);
  });

  test('has what a 304 says, but for what is of the body', () => {
    const fresh = refreshed(kept, {
      status: 304,
      headers: [
        ['etag', '"a"'],
        ['cache-control', 'max-age=5'],
        ['content-length', '0'],
      ],
    });
    expect(fresh.status).toBe(200);
    expect(fresh.headers).toContainEqual(['content-length', '10']);
    expect(fresh.headers).toContainEqual(['cache-control', 'max-age=5']);
    expect(fresh.headers.filter(([name]) => name === 'etag')).toHaveLength(1);
  });

  test('is given without a body for HEAD', () => {
    expect(reply([], 'HEAD')).toMatchObject({ status: 200, part: { kind: 'none' } });
  });
});
