import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SiteFiles } from '../../../src/capability/files/contract.ts';
import { SiteFileSource } from '../../../src/capability/files/files.ts';
import { defaultLimits } from '../../../src/config/config.ts';
import { MountGuards } from '../../../src/outside/mount/mount-guards.ts';
import { testOwner } from '../../support/guarded-fs.ts';

describe('the site’s files', () => {
  let outer = '';
  let folder = '';
  let files: SiteFiles;

  beforeEach(() => {
    outer = realpathSync(mkdtempSync(join(tmpdir(), 'terrafirma-files-')));
    folder = join(outer, 'site');
    mkdirSync(join(folder, 'dir/deep'), { recursive: true });
    writeFileSync(join(folder, 'hello.txt'), 'hello');
    writeFileSync(join(folder, 'dir/deep/x y.txt'), 'deep');
    writeFileSync(join(outer, 'secret.txt'), 'secret');
    files = new SiteFileSource(new MountGuards(defaultLimits)).forSite({
      directory: folder,
      mountDirectory: outer,
      owner: testOwner,
    });
  });
  afterEach(() => rmSync(outer, { recursive: true }));

  const read = async (...segments: string[]): Promise<string | undefined> => {
    const file = await files.open(segments);
    if (file === undefined) return undefined;
    const bytes = await file.read(0, 100);
    file.close();
    return Buffer.from(bytes).toString();
  };

  test('are read by name, in pieces, to their end', async () => {
    expect(await read('dir', 'deep', 'x y.txt')).toBe('deep');
    const file = await files.open(['hello.txt']);
    expect(String(Buffer.from((await file?.read(1, 3)) ?? []))).toBe('ell');
    expect((await file?.read(5, 3))?.length).toBe(0);
    expect((await file?.read(1e9, 3))?.length).toBe(0);
    truncateSync(join(folder, 'hello.txt'), 1);
    expect((await file?.facts())?.sizeBytes).toBe(1n);
    file?.close();
  });

  test('have facts, and so has their folder', async () => {
    expect(await files.stat(['hello.txt'])).toMatchObject({ kind: 'file', sizeBytes: 5n });
    expect(await files.stat([])).toMatchObject({ kind: 'directory' });
    expect(await files.stat(['dir'])).toMatchObject({ kind: 'directory' });
    expect(await files.open(['dir'])).toBeUndefined();
    expect(await files.list(['hello.txt'], 9)).toBeUndefined();
    expect(await files.stat(['hello.txt', 'x'])).toBeUndefined();
  });

  test.each([
    '.kbp_config',
    '.hidden',
    'terrafirma.toml',
    'Terrafirma.TOML',
    'hello.wasm',
    'hello.WASM',
    'notes.txt~',
    'a.sync-conflict-1.txt',
    '..',
    '.',
    '',
    'dir/deep',
    'a\\b',
    'a\0b',
  ])('%j is no name of theirs', async (name) => {
    if (!/[/\\\0]|^\.{0,2}$/.test(name)) writeFileSync(join(folder, name), 'x');
    expect(await files.stat([name])).toBeUndefined();
    expect(await files.open([name])).toBeUndefined();
    expect(await files.list([name], 9)).toBeUndefined();
    expect((await files.list([], 99))?.map((entry) => entry.name)).toEqual(['dir', 'hello.txt']);
  });

  test('links that lead out are not there, however they do', async () => {
    symlinkSync(outer, join(folder, 'up'));
    symlinkSync('../secret.txt', join(folder, 'secret.txt'));
    symlinkSync('/etc', join(folder, 'etc'));
    symlinkSync('nowhere', join(folder, 'dangling'));
    symlinkSync('loop', join(folder, 'loop'));
    for (const name of ['up', 'secret.txt', 'etc', 'dangling', 'loop']) {
      expect(await files.stat([name])).toBeUndefined();
    }
    expect(await read('up', 'secret.txt')).toBeUndefined();
    expect(await read('etc', 'passwd')).toBeUndefined();
    expect((await files.list([], 99))?.map(({ name }) => name)).toEqual(['dir', 'hello.txt']);
  });

  test('a folder whose name begins with the site’s is another', async () => {
    mkdirSync(`${folder}-other`);
    writeFileSync(`${folder}-other/x.txt`, 'other');
    symlinkSync(`${folder}-other/x.txt`, join(folder, 'x.txt'));
    expect(await read('x.txt')).toBeUndefined();
  });

  test('links inside are what they lead to, unless that is hidden or a module', async () => {
    writeFileSync(join(folder, '.hidden'), 'x');
    writeFileSync(join(folder, 'm.wasm'), 'x');
    symlinkSync('dir/deep', join(folder, 'short'));
    symlinkSync('.hidden', join(folder, 'shown.txt'));
    symlinkSync('m.wasm', join(folder, 'module.txt'));
    expect(await read('short', 'x y.txt')).toBe('deep');
    expect(await read('shown.txt')).toBeUndefined();
    expect(await read('module.txt')).toBeUndefined();
    expect(await files.list([], 99)).toEqual([
      { name: 'dir', kind: 'directory' },
      { name: 'hello.txt', kind: 'file' },
      { name: 'short', kind: 'directory' },
    ]);
  });

  test('an open file stays the one that was opened', async () => {
    const file = await files.open(['hello.txt']);
    renameSync(join(outer, 'secret.txt'), join(folder, 'hello.txt'));
    expect(String(Buffer.from((await file?.read(0, 9)) ?? []))).toBe('hello');
    file?.close();
  });

  test('listing is cut at the limit', async () => {
    for (let index = 0; index < 20; index += 1) writeFileSync(join(folder, `f${index}`), '');
    expect(await files.list([], 5)).toHaveLength(5);
    expect(await files.list([], 22)).toHaveLength(22);
  });

  test('a module that is run alone has none', async () => {
    const none = new SiteFileSource(new MountGuards(defaultLimits)).forSite(undefined);
    expect(await none.stat([])).toMatchObject({ kind: 'directory' });
    expect(await none.list([], 9)).toEqual([]);
    expect(await none.stat(['x'])).toBeUndefined();
    expect(await none.list(['x'], 9)).toBeUndefined();
    expect(await none.open(['x'])).toBeUndefined();
  });

  test.skipIf(process.platform !== 'linux')(
    'no descriptor of the system is left open',
    async () => {
      const count = async (): Promise<number> => (await readdir('/proc/self/fd')).length;
      const before = await count();
      for (let turn = 0; turn < 20; turn += 1) {
        await files.stat(['hello.txt']);
        await files.stat(['.hidden']);
        await files.list([], 9);
        await read('hello.txt');
        await read('dir');
      }
      expect(await count()).toBeLessThanOrEqual(before + 2);
    },
  );
});
