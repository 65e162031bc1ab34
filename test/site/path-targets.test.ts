import { describe, expect, test } from 'vitest';
import { expandTarget, type PathTarget, parsePathTarget } from '../../src/site/path-targets.ts';

const names = ['year', 'a', 'splat'];
const parse = (text: string): PathTarget => {
  const target = parsePathTarget(text, names);
  if (typeof target === 'string') throw new Error(`${text} ${target}`);
  return target;
};
const expand = (to: string, captures: Record<string, string[]>, query = '') =>
  expandTarget(parse(to), new Map(Object.entries(captures)), query);

describe('parsePathTarget()', () => {
  test.each([
    ['posts', 'must begin with "/" or "https://"'],
    ['//evil.example', 'must be a full "https:" URL'],
    ['http://other.example/', 'must begin with "/" or "https://"'],
    ['https://', 'must be a URL with a host name'],
    ['https://:year/x', 'must be a URL with a host name'],
    ['https://:year.example/', 'must be a URL with a host name'],
    ['https://user:word@other.example/', 'must be a URL with a host name'],
    ['javascript:alert(1)', 'must begin with "/" or "https://"'],
    ['/a b', 'must hold no spaces'],
    ['/a\r\nx: y', 'must hold no spaces'],
    ['/\\evil.example', 'must hold no spaces, control characters or "\\"'],
    ['/a/../b', 'must not hold "." or ".."'],
    ['/..', 'must not hold "." or ".."'],
    ['/:month', 'may use only what "from" captures'],
    [`/${'a'.repeat(2_048)}`, 'must have at most 2048 characters'],
  ])('%j is refused', (text, rule) => {
    expect(parsePathTarget(text, names)).toContain(rule);
  });

  test.each(['/', '/a:1', '/a%3Ab', '/a?x=..', 'https://other.example', 'https://[::1]:8443/a'])(
    '%s is taken',
    (text) => {
      expect(parsePathTarget(text, names)).not.toBeTypeOf('string');
    },
  );
});

describe('expandTarget()', () => {
  test.each([
    ['/posts/:year/:splat', { year: ['2026'], splat: ['x', 'y'] }, '/posts/2026/x/y'],
    ['/posts/:splat', { splat: [] }, '/posts/'],
    ['/:splat', { splat: [] }, '/'],
    ['/x-:a', { a: ['b c'] }, '/x-b%20c'],
    ['/x/:a', { a: ['ü%2f'] }, '/x/%C3%BC%252f'],
    ['/x/:a', { a: ['a/b'] }, '/x/a%2Fb'],
    ['/straße', {}, '/stra%C3%9Fe'],
    ['/s?y=:year&p=:splat', { year: ['a&b'], splat: ['x', 'y'] }, '/s?y=a%26b&p=x%2Fy'],
    ['https://Other.example/:splat', { splat: ['a'] }, 'https://other.example/a'],
    ['https://other.example', {}, 'https://other.example/'],
    ['https://other.example?x', {}, 'https://other.example/?x'],
  ])('%s with %j', (to, captures, expanded) => {
    expect(expand(to, captures)).toBe(expanded);
  });

  test.each([
    [{ splat: ['', 'evil.example'] }, '/evil.example'],
    [{ splat: ['', '', 'evil.example', ''] }, '/evil.example'],
    [{ splat: ['\\evil.example'] }, '/%5Cevil.example'],
    [{ splat: ['\t', 'evil.example'] }, '/%09/evil.example'],
    [{ splat: ['..', 'x'] }, undefined],
    [{ splat: ['a', '.'] }, undefined],
  ])('no visitor makes another host of %j', (captures, expanded) => {
    expect(expand('/:splat', captures)).toBe(expanded);
  });

  test('the query of the request is kept where the target has none', () => {
    expect(expand('/a', {}, 'x=1')).toBe('/a?x=1');
    expect(expand('/a#top', {}, 'x=1')).toBe('/a?x=1#top');
    expect(expand('/a?y=2', {}, 'x=1')).toBe('/a?y=2');
    expect(expand('/a', {}, 'x=\u00fc')).toBe('/a?x=%C3%BC');
  });
});
