import { describe, expect, test } from 'vitest';
import {
  compilePatterns,
  matchAll,
  matchFirst,
  type PathPattern,
  parsePathPattern,
} from '../../src/site/path-patterns.ts';

const parse = (text: string): PathPattern => {
  const pattern = parsePathPattern(text);
  if (typeof pattern === 'string') throw new Error(`${text} ${pattern}`);
  return pattern;
};
const compile = (...texts: string[]) => compilePatterns(texts.map(parse));

describe('parsePathPattern()', () => {
  test.each([
    ['/', { segments: [], hasRest: false, names: [] }],
    ['/a/b', { segments: ['a', 'b'], hasRest: false, names: [] }],
    ['/a/', { segments: ['a'], hasRest: false, names: [] }],
    ['/*', { segments: [], hasRest: true, names: [] }],
    ['/blog/:year/*', { segments: ['blog', ':year'], hasRest: true, names: ['year'] }],
    ['/caf%C3%A9', { segments: ['café'], hasRest: false, names: [] }],
    ['/café', { segments: ['café'], hasRest: false, names: [] }],
    ['/a:b', { segments: ['a:b'], hasRest: false, names: [] }],
    ['/%3Aa', { segments: [':a'], hasRest: false, names: [] }],
  ])('%s', (text, pattern) => {
    expect(parsePathPattern(text)).toEqual(pattern);
  });

  test.each([
    ['a', 'must begin with "/"'],
    ['', 'must begin with "/"'],
    ['/a?b', 'must not hold "?"'],
    ['/a#b', 'must not hold "?"'],
    ['/a\\b', 'must not hold "?"'],
    ['/a/*/b', 'may hold "*" only as its last segment'],
    ['/a*', 'may hold "*" only as its last segment'],
    ['/a//b', 'must be a valid path'],
    ['//b', 'must be a valid path'],
    ['/a/../b', 'must be a valid path'],
    ['/a/%2e%2e/b', 'must be a valid path'],
    ['/a%2fb', 'must be a valid path'],
    ['/a%00', 'must be a valid path'],
    ['/%zz', 'must be a valid path'],
    ['/:', 'must have a name'],
    ['/:a-b', 'must have a name'],
    ['/:1', 'must have a name'],
    ['/:a/:a', 'must not hold ":a" twice'],
    ['/:splat', 'must not hold ":splat" twice'],
    [`/${'a'.repeat(2_048)}`, 'must have at most 2048 characters'],
    [`/${Array.from({ length: 17 }, (_, n) => `:n${n}`).join('/')}`, 'at most 16 names'],
  ])('%s is refused', (text, rule) => {
    expect(parsePathPattern(text)).toContain(rule);
  });

  test('what is just inside of the limits is taken', () => {
    expect(parsePathPattern(`/${'a'.repeat(2_047)}`)).not.toBeTypeOf('string');
    const names = Array.from({ length: 16 }, (_, n) => `:n${n}`).join('/');
    expect(parsePathPattern(`/${names}`)).not.toBeTypeOf('string');
  });
});

describe('matchFirst()', () => {
  test.each([
    ['/a/b', '/a/b', {}],
    ['/a/b', '/a/b/', {}],
    ['/a/b/', '/a/b', {}],
    ['/', '/', {}],
    ['/a', '/A', undefined],
    ['/a', '/a/b', undefined],
    ['/a', '/', undefined],
    ['/:x', '/', undefined],
    ['/:x', '/a', { x: ['a'] }],
    ['/:x', '/a/b', undefined],
    ['/blog/:year/*', '/blog/2026/a/b', { year: ['2026'], splat: ['a', 'b'] }],
    ['/blog/:year/*', '/blog/2026', { year: ['2026'], splat: [] }],
    ['/blog/:year/*', '/blog', undefined],
    ['/*', '/', { splat: [] }],
    ['/*', '/x', { splat: ['x'] }],
    ['/a/*', '/a', { splat: [] }],
    ['/a/*', '/ab', undefined],
    ['/:x/b', '//b', undefined],
    ['/café', '/café', {}],
  ])('%s and %s', (pattern, path, captures) => {
    const found = matchFirst(compile(pattern), path);
    expect(found && Object.fromEntries(found.captures)).toEqual(captures);
  });

  test('the first of the list wins, be it plain or not', () => {
    const table = compile('/a/:x', '/a/b', '/*', '/a/b');
    expect(matchFirst(table, '/a/b')?.rule).toBe(0);
    expect(matchFirst(compile('/a/b', '/a/:x', '/*'), '/a/b')?.rule).toBe(0);
    expect(matchFirst(table, '/z')?.rule).toBe(2);
    expect(matchFirst(compile('/q', '/a/b'), '/a/b')?.rule).toBe(1);
    expect(matchFirst(compile(), '/a')).toBeUndefined();
  });

  test('a name of Object is no path', () => {
    expect(matchFirst(compile('/a'), '/constructor')).toBeUndefined();
    expect(matchFirst(compile('/__proto__'), '/__proto__')?.rule).toBe(0);
  });

  test('a table crosses threads as it is', () => {
    const table = structuredClone(compile('/a', '/b/*'));
    expect(matchFirst(table, '/b/c')?.rule).toBe(1);
    expect(matchFirst(table, '/a')?.rule).toBe(0);
  });
});

test('matchAll() gives every rule, in the order of the list', () => {
  const table = compile('/*', '/a', '/:x', '/b', '/a');
  expect(matchAll(table, '/a')).toEqual([0, 1, 2, 4]);
  expect(matchAll(table, '/c/d')).toEqual([0]);
  expect(matchAll(compile('/a'), '/b')).toEqual([]);
});
