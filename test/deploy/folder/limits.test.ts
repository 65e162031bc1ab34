import { describe, expect, test } from 'vitest';
import { capFiles } from '../../../src/deploy/folder/limits.ts';
import { pathOf } from '../world.ts';

const file = (path: string, sizeBytes: number) => ({
  path: pathOf(path),
  realPath: `/${path}`,
  stamp: '',
  sizeBytes,
  changedAtMs: 0,
});
const limits = { modulesPerFolderMax: 2, moduleBytesPerFolderMax: 100, moduleBytesMax: 60 };
const refusedPaths = (files: ReturnType<typeof file>[], serving: readonly string[] = []) =>
  capFiles(files, (path) => serving.includes(path), limits)
    .filter(({ refusal }) => refusal !== undefined)
    .map(({ file: { path } }) => path);

describe('capFiles()', () => {
  test('modulesPerFolderMax: refuses the last by path, but none that serves', () => {
    const files = [file('a', 1), file('b', 1), file('c', 1)];
    expect(refusedPaths(files.slice(1))).toEqual([]);
    expect(refusedPaths(files)).toEqual(['c']);
    expect(refusedPaths(files, ['b', 'c'])).toEqual(['a']);
  });

  test('moduleBytesPerFolderMax: refuses what does not fit, and takes what still does', () => {
    expect(refusedPaths([file('a', 50), file('b', 50)])).toEqual([]);
    expect(refusedPaths([file('a', 50), file('b', 51)])).toEqual(['b']);
    expect(refusedPaths([file('a', 50), file('b', 51), file('c', 50)])).toEqual(['b']);
    expect(refusedPaths([file('a', 50), file('b', 51)], ['b'])).toEqual(['a']);
  });

  test('a file refused for its own size takes no room', () => {
    expect(refusedPaths([file('a', 61), file('b', 60), file('c', 40)])).toEqual([]);
  });
});
