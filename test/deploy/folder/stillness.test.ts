import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import { isAllInSight, Stillness } from '../../../src/deploy/folder/stillness.ts';
import { type FolderListing, type ListedFile, listFolder } from '../../../src/deploy/look/scan.ts';
import { guardedFs } from '../../support/guarded-fs.ts';
import { locate, Scratch } from '../world.ts';

describe('Stillness', () => {
  let scratch: Scratch;
  let signs: readonly string[];
  let stillness: Stillness;
  /** Later than anything that the test does. */
  const nowMs = () => Date.now() + 3_600_000;

  beforeEach(() => {
    scratch = new Scratch();
    for (const name of ['site', 'other']) mkdirSync(scratch.path(name));
    symlinkSync('site', scratch.path('current'));
    signs = [scratch.path('current')];
    stillness = makeStillness(nowMs);
  });
  afterEach(() => scratch[Symbol.dispose]());

  const makeStillness = (clock: () => number) =>
    new Stillness({
      fs: guardedFs(defaultLimits),
      located: locate(scratch.path('site')),
      nowMs: clock,
    });

  const note = async (): Promise<void> => await stillness.note(await stillness.read(signs));

  /** As a look at a folder does where nobody would hear of changes. */
  const noteUnheard = async (change?: () => void): Promise<void> => {
    stillness.forget();
    const stamp = await stillness.read(signs);
    const fs = guardedFs(defaultLimits);
    const directory = scratch.path('site');
    const listing = await listFolder({ fs, directory, limits: defaultLimits });
    change?.();
    await stillness.note(stamp, listing);
  };

  test('a folder of which nothing was noted is not still', async () => {
    expect(await stillness.isSame(signs)).toBe(false);
    await note();
    expect(await stillness.isSame(signs)).toBe(true);
    stillness.forget();
    expect(await stillness.isSame(signs)).toBe(false);
  });

  const changes: Readonly<Record<string, () => void>> = {
    'a new file': () => writeFileSync(scratch.path('site', 'new.wasm'), ''),
    'a file that is gone': () => rmSync(scratch.path('site', 'old.wasm')),
    'a link that leads elsewhere now': () => {
      symlinkSync('other', scratch.path('next'));
      renameSync(scratch.path('next'), scratch.path('current'));
    },
    'another directory in its place': () => {
      renameSync(scratch.path('site'), scratch.path('away'));
      mkdirSync(scratch.path('site'));
    },
    'no directory in its place': () => rmSync(scratch.path('site'), { recursive: true }),
  };
  test.each(Object.keys(changes))('is told from %s', async (what) => {
    writeFileSync(scratch.path('site', 'old.wasm'), '');
    // In the past, so that the clock of the file system moves on.
    utimesSync(scratch.path('site'), 1, 1);
    await note();
    expect(await stillness.isSame(signs)).toBe(true);
    changes[what]?.();
    expect(await stillness.isSame(signs)).toBe(false);
  });

  const insideChanges: Readonly<Record<string, () => void>> = {
    ...changes,
    'a module that is written anew': () => writeFileSync(scratch.path('site', 'old.wasm'), 'x'),
    'a module below that is written anew': () =>
      writeFileSync(scratch.path('site', 'sub', 'old.wasm'), 'x'),
    'a module below that is new': () => writeFileSync(scratch.path('site', 'sub', 'b.wasm'), ''),
    'rules that are written anew': () =>
      writeFileSync(scratch.path('site', 'terrafirma.toml'), '[site]'),
    'rules that are new': () => writeFileSync(scratch.path('site', '.kbp_config'), '{}'),
  };
  const fillUnheard = (): void => {
    mkdirSync(scratch.path('site', 'sub'));
    for (const name of ['old.wasm', 'sub/old.wasm', 'terrafirma.toml']) {
      writeFileSync(scratch.path('site', name), '');
    }
  };
  test.each(Object.keys(insideChanges))('is told without events from %s', async (what) => {
    fillUnheard();
    await noteUnheard();
    expect(stillness.seesInside).toBe(true);
    expect(await stillness.isSame(signs)).toBe(true);
    insideChanges[what]?.();
    expect(await stillness.isSame(signs)).toBe(false);
  });

  test('says nothing without events of what changed since it was listed', async () => {
    fillUnheard();
    await noteUnheard(() => writeFileSync(scratch.path('site', 'old.wasm'), 'y'));
    expect(stillness.seesInside).toBe(false);
    expect(await stillness.isSame(signs)).toBe(false);
  });

  test('says nothing without events of a folder with much in it, or of what is fresh', async () => {
    stillness = makeStillness(Date.now);
    fillUnheard();
    await noteUnheard();
    expect(stillness.seesInside).toBe(false);
    stillness = makeStillness(nowMs);
    for (let count = 0; count < 10; count += 1) {
      writeFileSync(scratch.path('site', `${count}.wasm`), '');
    }
    await noteUnheard();
    expect(stillness.seesInside).toBe(false);
  });

  test('says once that another directory has taken its place', async () => {
    await note();
    expect(stillness.takeReplaced()).toBe(false);
    renameSync(scratch.path('site'), scratch.path('away'));
    mkdirSync(scratch.path('site'));
    await stillness.isSame(signs);
    expect([stillness.takeReplaced(), stillness.takeReplaced()]).toEqual([true, false]);
  });

  test('looks above the folder, where a sign says so', async () => {
    utimesSync(scratch.path(), 1, 1);
    signs = [scratch.path('site'), scratch.path()];
    await note();
    writeFileSync(scratch.path('.kbp_config'), '');
    expect(await stillness.isSame(signs)).toBe(false);
  });

  test('says nothing of what has changed just now, and may change again', async () => {
    const now = makeStillness(Date.now);
    writeFileSync(scratch.path('site', 'new.wasm'), '');
    expect(await now.read(signs)).toBeUndefined();
  });
});

test('isAllInSight() misses files behind links to where nobody looks', () => {
  const file = (realPath: string) => ({ realPath }) as ListedFile;
  const listing = (realPath: string, directories = ['/a', '/a/b']): FolderListing => {
    const seen = { entryCount: 2, isCut: false, hasIndexPage: false, topNames: undefined };
    const files = [file('/a/x.wasm'), file(realPath)];
    return { files, directories, notes: [], device: 1n, ...seen };
  };
  expect(isAllInSight(listing('/a/b/y.wasm'))).toBe(true);
  expect(isAllInSight(listing('/a/.hidden/y.wasm'))).toBe(false);
  expect(isAllInSight(listing('/a/y.wasm', ['/a', '/a/.hidden/b']))).toBe(false);
});
