import { describe, expect, test } from 'vitest';
import { parseRequestPath } from '../../../../src/names.ts';
import { findRedirection } from '../../../../src/serve/road/rules/redirects.ts';
import { parseSettings } from '../../../../src/site/settings.ts';

function redirectsOf(toml: string) {
  const { redirects } = parseSettings(Buffer.from(toml), 100_000);
  if (redirects === undefined) throw new TypeError('there must be redirects');
  return redirects;
}

const rule = (from: string, to: string, more = ''): string =>
  `[[redirects]]\nfrom = "${from}"\n${to === '' ? '' : `to = "${to}"\n`}${more}\n`;

const redirects = redirectsOf(
  [
    rule('/a', '/b'),
    rule('/year/:year/*', '/y/:year/:splat', 'status = 302'),
    rule('/to/*', 'https://other.example/:splat', 'status = 307'),
    rule('/kept', '/with?own=1', 'status = 308'),
    rule('/gone', '', 'status = 410'),
    rule('/view/*', '/page.html#:splat', 'status = 200'),
    rule('/forced', '/f', 'force = true'),
    rule('/first', '/one'),
    rule('/first', '/two', 'force = true'),
    rule('/m.wasm/*', '/n.wasm/:splat', 'status = 200'),
  ].join('\n'),
);

const find = (target: string, stage: 'forced' | 'other' = 'other') =>
  findRedirection(redirects, parseRequestPath(target), stage);

describe('findRedirection()', () => {
  test.each([
    ['/a', 301, '/b'],
    ['/a/', 301, '/b'],
    ['/a?q=1', 301, '/b?q=1'],
    ['/year/2026/x/y', 302, '/y/2026/x/y'],
    ['/year/2026', 302, '/y/2026/'],
    ['/to/a%20b', 307, 'https://other.example/a%20b'],
    ['/kept?lost=1', 308, '/with?own=1'],
    ['/first', 301, '/one'],
  ])('%s → %d %s', (target, status, location) =>
    expect(find(target)).toEqual({ kind: 'redirect', status, location }),
  );

  test('the file that a rewrite stands for has no fragment', () =>
    expect(find('/view/a?q')).toEqual({ kind: 'rewrite', target: '/page.html?q' }));

  test('what follows a module is part of the path', () =>
    expect(find('/m.wasm/x%2fy?q')).toEqual({ kind: 'rewrite', target: '/n.wasm/x/y?q' }));

  test('dots behind a module lead nowhere', () =>
    expect(find('/m.wasm/../secret')).toBeUndefined());

  test('gone is gone', () => expect(find('/gone')).toEqual({ kind: 'gone' }));

  test('a forced rule holds before files, the others behind them', () => {
    expect(find('/forced', 'forced')).toMatchObject({ location: '/f' });
    expect(find('/forced')).toBeUndefined();
    expect(find('/a', 'forced')).toBeUndefined();
  });

  test('the first match decides, forced or not', () =>
    expect(find('/first', 'forced')).toBeUndefined());

  test('no match is none', () => expect(find('/none')).toBeUndefined());
});
