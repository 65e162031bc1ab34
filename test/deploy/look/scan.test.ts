import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits, type Limits } from '../../../src/config/config.ts';
import { isInside, listFolder, lookAtFile } from '../../../src/deploy/look/scan.ts';
import { TestFolder } from '../../support/folder.ts';
import { guardedFs } from '../../support/guarded-fs.ts';
import { pathOf, Scratch } from '../world.ts';

describe('listFolder()', () => {
  let scratch: Scratch;
  let folder: TestFolder;
  const fs = guardedFs(defaultLimits);

  beforeEach(() => {
    scratch = new Scratch();
    folder = new TestFolder(scratch.directory);
  });
  afterEach(() => {
    scratch[Symbol.dispose]();
  });

  const list = (limits: Partial<Limits> = {}) =>
    listFolder({ fs, directory: folder.directory, limits: { ...defaultLimits, ...limits } });
  const pathsOf = async (limits = {}) => (await list(limits)).files.map(({ path }) => path);
  const notesOf = async (limits = {}) =>
    (await list(limits)).notes.map(({ path, reason }) => `${path} ${reason}`);

  test('lists served names that end in .wasm, sorted, with directories', async () => {
    for (const name of ['b.wasm', 'a.wasm', 'dir/sub/c.wasm', 'dir/page.html', 'notes.txt']) {
      folder.write(name, 'x');
    }
    expect(await pathsOf()).toEqual(['a.wasm', 'b.wasm', 'dir/sub/c.wasm']);
    expect((await list()).entryCount).toBe(7);
  });

  test('tells what is in the folder itself, and nothing where that is not all', async () => {
    for (const name of ['index.wasm', 'Page.html', '.hidden', 'dir/inner.txt']) {
      folder.write(name, 'x');
    }
    symlinkSync('nowhere', folder.path('link'));
    expect((await list()).topNames).toEqual(new Set(['page.html', 'dir', 'link']));
    expect((await list({ folderEntriesMax: 1 })).topNames).toBeUndefined();
  });

  test('tells nothing where looks take long: what is new would be missed for as long', async () => {
    folder.write('index.wasm', 'x');
    for (let count = 0; count < 1_900; count += 1) folder.write(`images/${count}.png`, '');
    expect(await list()).toMatchObject({ hasIndexPage: false, topNames: new Set(['images']) });
    for (let count = 0; count < 100; count += 1) folder.write(`more/${count}.png`, '');
    expect(await list()).toMatchObject({ hasIndexPage: true, topNames: undefined });
  });

  test('passes over what sync tools and editors leave', async () => {
    for (const name of [
      '.hello.wasm.aB3dEf',
      '.syncthing.hello.wasm.tmp',
      '~syncthing~hello.wasm.tmp',
      '.stversions/hello~20191108-101530.wasm',
      '.git/objects/x.wasm',
      '.kbfs_fileinfo_hello.wasm',
      '._hello.wasm',
      'hello.wasm~',
      'hello.wasm.part',
      'hello.WASM',
      'x.wasm.d/y.txt',
    ]) {
      folder.write(name, 'x');
    }
    expect(await pathsOf()).toEqual([]);
    expect(await notesOf()).toEqual([]);
  });

  test('notes conflict copies and does not list them', async () => {
    folder.write("hello.conflicted (alice's laptop copy 2019-11-08).wasm", 'x');
    folder.write('hello.sync-conflict-20191108-101530-ABCDEFG.wasm', 'x');
    folder.write('hello (1).wasm', 'x');
    folder.write('page (conflicted copy).html', 'x');
    expect(await pathsOf()).toEqual([]);
    expect(await notesOf()).toHaveLength(3);
  });

  test('follows links that stay inside and refuses those that lead out', async () => {
    const outside = scratch.path('outside');
    mkdirSync(outside);
    writeFileSync(`${outside}/secret.wasm`, 'x');
    folder.write('real/a.wasm', 'x');
    symlinkSync('real/a.wasm', folder.path('inside.wasm'));
    symlinkSync('real', folder.path('again'));
    symlinkSync(`${outside}/secret.wasm`, folder.path('out.wasm'));
    symlinkSync(outside, folder.path('outdir'));
    symlinkSync('.', folder.path('loop'));
    symlinkSync('nowhere', folder.path('dangling.wasm'));
    expect(await pathsOf()).toEqual(['again/a.wasm', 'inside.wasm', 'real/a.wasm']);
    const notes = await notesOf();
    expect(notes).toHaveLength(2);
    expect(notes.every((note) => /"out(dir|\.wasm)".*must stay inside/.test(note))).toBe(true);
    const [again, inside] = (await list()).files;
    expect(again?.realPath).toBe(folder.path('real/a.wasm'));
    expect(inside?.realPath).toBe(folder.path('real/a.wasm'));
  });

  test('notes what is no regular file', async () => {
    execFileSync('mkfifo', [folder.path('pipe.wasm')]);
    folder.write('ok.wasm', 'x');
    expect(await pathsOf()).toEqual(['ok.wasm']);
  });

  test('folderEntriesMax: enters no more directories, in sorted order, and says so', async () => {
    for (const name of ['a', 'b', 'c', 'd']) mkdirSync(folder.path(name));
    for (const name of ['a', 'b', 'c', 'd']) folder.write(`${name}/sub/m.wasm`, 'x');
    expect(await pathsOf({ folderEntriesMax: 12 })).toHaveLength(4);
    expect(await notesOf({ folderEntriesMax: 12 })).toEqual([]);
    const cut = await list({ folderEntriesMax: 6 });
    expect(cut.isCut).toBe(true);
    expect(cut.notes.map(({ path, reason }) => `${path} ${reason}`)).toContainEqual(
      expect.stringMatching(/"c" a folder may hold at most 6 entries/),
    );
  });

  test('folderEntriesMax: one directory with more is cut', async () => {
    for (let index = 0; index < 6; index += 1) folder.write(`m${index}.wasm`, 'x');
    expect(await pathsOf({ folderEntriesMax: 5 })).toHaveLength(5);
    expect(await notesOf({ folderEntriesMax: 5 })).toHaveLength(1);
    expect((await list({ folderEntriesMax: 5 })).isCut).toBe(true);
    expect((await list({ folderEntriesMax: 6 })).isCut).toBe(false);
  });

  test('folderEntriesMax: modules come first, whatever stands beside them', async () => {
    for (let index = 0; index < 40; index += 1) {
      folder.write(`picture-${index}.jpg`, 'x');
      mkdirSync(folder.path(`empty-${index}`));
    }
    for (const name of ['a.wasm', 'm.wasm', 'z.wasm']) folder.write(name, 'x');
    const listing = await list({ folderEntriesMax: 10 });
    expect(listing.files.map(({ path }) => path)).toEqual(['a.wasm', 'm.wasm', 'z.wasm']);
    expect(listing.isCut).toBe(true);
    // Names are read past, but not without end.
    expect((await list({ folderEntriesMax: 2 })).isCut).toBe(true);
  });

  test('says no more of a folder than is read', async () => {
    for (let index = 0; index < 200; index += 1) folder.write(`m${index} (1).wasm`, 'x');
    expect(await notesOf()).toHaveLength(100);
  });

  test('names the directories it has read', async () => {
    folder.write('dir/sub/c.wasm', 'x');
    folder.write('.git/x', 'x');
    expect((await list()).directories).toEqual([
      folder.directory,
      folder.path('dir'),
      folder.path('dir/sub'),
    ]);
  });

  test('takes each entry, and more for each directory, from the pace', async () => {
    for (const name of ['a.wasm', 'page.html', 'dir/b.wasm']) folder.write(name, 'x');
    let taken = 0;
    const pace = {
      take: async (entries: number) => {
        taken += entries;
      },
    };
    await listFolder({ fs, directory: folder.directory, limits: defaultLimits, pace });
    // Two directories, four names, two modules that were looked at.
    expect(taken).toBe(2 * 8 + 4 + 2);
  });

  test('folderDepthMax: deeper directories are not entered, and noted', async () => {
    folder.write('1/2/deep.wasm', 'x');
    folder.write('1/2/3/deeper.wasm', 'x');
    expect(await pathsOf({ folderDepthMax: 3 })).toHaveLength(2);
    expect(await pathsOf({ folderDepthMax: 2 })).toEqual(['1/2/deep.wasm']);
    expect(await notesOf({ folderDepthMax: 2 })).toEqual([
      expect.stringMatching(/"1\/2\/3" folders may be at most 2 deep/),
    ]);
  });

  test('rejects with the error of the system when the folder itself is not there', async () => {
    renameSync(folder.directory, scratch.path('away'));
    await expect(list()).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('stamps differ after every kind of change', async () => {
    folder.write('a.wasm', 'one');
    const stamps = new Set<string>();
    const take = async () => stamps.add((await list()).files[0]?.stamp ?? 'none');
    await take();
    folder.write('a.wasm', 'longer');
    await take();
    folder.replace('a.wasm', 'LONGER');
    await take();
    linkSync(folder.path('a.wasm'), scratch.path('link'));
    await take();
    expect(stamps.size).toBe(4);
  });
});

describe('lookAtFile()', () => {
  test('says why something is no module, and throws when nothing is there', async () => {
    using scratch = new Scratch();
    const folder = new TestFolder(scratch.directory);
    const options = { fs: guardedFs(defaultLimits), directory: folder.directory };
    mkdirSync(folder.path('dir.wasm'));
    expect(await lookAtFile(options, pathOf('dir.wasm'))).toMatch(/must be a regular file/);
    await expect(lookAtFile(options, pathOf('none.wasm'))).rejects.toMatchObject({
      code: 'ENOENT',
    });
    folder.write('dir/a.wasm', '12345678');
    expect(await lookAtFile(options, pathOf('dir/a.wasm'))).toMatchObject({
      path: 'dir/a.wasm',
      realPath: folder.path('dir/a.wasm'),
      sizeBytes: 8,
    });
    symlinkSync(scratch.directory, folder.path('up'));
    writeFileSync(scratch.path('secret.wasm'), 'x');
    expect(await lookAtFile(options, pathOf('up/secret.wasm'))).toMatch(/must stay inside/);
  });
});

describe('isInside()', () => {
  test('compares whole names', () => {
    expect(isInside('/a', '/a/b')).toBe(true);
    expect(isInside('/a', '/ab')).toBe(false);
    expect(isInside('/a', '/a')).toBe(false);
    expect(isInside('/', '/a')).toBe(true);
  });
});
