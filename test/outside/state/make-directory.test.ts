import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeDirectory } from '../../../src/outside/state/make-directory.ts';
import { TestFolder } from '../../support/folder.ts';

describe('makeDirectory()', () => {
  test('makes what is missing for the owner alone and tells the first one', () => {
    using folder = new TestFolder();
    expect(makeDirectory(folder.path('a/b/c'))).toBe(folder.path('a'));
    for (const path of ['a', 'a/b', 'a/b/c']) {
      expect(statSync(folder.path(path)).mode & 0o777).toBe(0o700);
    }
    expect(makeDirectory(folder.path('a/b/c'))).toBeUndefined();
    expect(makeDirectory(folder.path('a/d'))).toBe(folder.path('a/d'));
  });

  test('refuses a path that is a file or leads through one', () => {
    using folder = new TestFolder();
    writeFileSync(folder.path('file'), '');
    expect(() => makeDirectory(folder.path('file'))).toThrow('EEXIST');
    expect(() => makeDirectory(folder.path('file/inside'))).toThrow('ENOTDIR');
  });

  test('leaves the mode of a directory that is there', () => {
    using folder = new TestFolder();
    mkdirSync(folder.path('open'), { mode: 0o755 });
    makeDirectory(folder.path('open'));
    expect(statSync(folder.path('open')).mode & 0o777).toBe(0o755);
  });
});

describe.skipIf(process.platform !== 'linux')('makeDirectory() in /proc', () => {
  test('gives up where nothing can be made', () => {
    for (const path of ['/proc/nothing', '/proc/nothing/below']) {
      expect(() => makeDirectory(path)).toThrow('ENOENT');
    }
  });
});
