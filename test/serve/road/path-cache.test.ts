import { describe, expect, test } from 'vitest';
import { parseRequestPath } from '../../../src/names.ts';
import { PathCache } from '../../../src/serve/road/path-cache.ts';

describe('PathCache', () => {
  test('gives what parsing gives, each time', () => {
    const paths = new PathCache();
    const targets = [
      '/',
      '/a/b.wasm/c',
      '/a%20b',
      '/x?y=1',
      '/x?',
      '/x?y=2',
      '/x',
      '/x?a?b',
      '/?c',
    ];
    for (const target of [...targets, '/a/b.wasm@0123456789/c?d', '/a/b.wasm/c/?e']) {
      for (let round = 0; round < 2; round += 1) {
        expect(paths.parse(target)).toEqual(parseRequestPath(target));
      }
    }
  });

  test('refuses again what was refused', () => {
    const paths = new PathCache();
    paths.parse('/x');
    for (const target of ['/../x', '/../x?y', '/x?a b', '/x?\x07', '/\u0178', '/y?z\0']) {
      expect(() => parseRequestPath(target)).toThrow(/path/);
      for (let round = 0; round < 2; round += 1) {
        expect(errorOf(() => paths.parse(target))).toEqual(errorOf(() => parseRequestPath(target)));
      }
    }
  });

  test('keeps few paths, short ones, without queries', () => {
    const paths = new PathCache();
    for (let count = 0; count < 10; count += 1) paths.parse(`/x?secret=${count}`);
    expect(paths.size).toBe(1);
    paths.parse(`/${'x/'.repeat(150)}`);
    paths.parse(`/${'x/'.repeat(150)}?y`);
    expect(paths.size).toBe(1);
    for (let count = 0; count < 5_000; count += 1) paths.parse(`/page-${count}`);
    expect(paths.size).toBe(2_048);
  });
});

function errorOf(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}
