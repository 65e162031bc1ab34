import { describe, expect, test } from 'vitest';
import { parseRequestPath } from '../../../src/names.ts';
import { PathCache } from '../../../src/serve/road/path-cache.ts';

describe('PathCache', () => {
  test('gives what parsing gives, each time', () => {
    const paths = new PathCache();
    for (const target of ['/', '/a/b.wasm/c', '/a%20b', '/x?y=1', '/x?']) {
      for (let round = 0; round < 2; round += 1) {
        expect(paths.parse(target)).toEqual(parseRequestPath(target));
      }
    }
  });

  test('refuses again what was refused', () => {
    const paths = new PathCache();
    for (let round = 0; round < 2; round += 1) expect(() => paths.parse('/../x')).toThrow(/path/);
  });

  test('keeps few paths, short ones, without queries', () => {
    const paths = new PathCache();
    paths.parse('/x?secret');
    paths.parse(`/${'x/'.repeat(150)}`);
    expect(paths.size).toBe(0);
    for (let count = 0; count < 5_000; count += 1) paths.parse(`/page-${count}`);
    expect(paths.size).toBe(2_048);
  });
});
