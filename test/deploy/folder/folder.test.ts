import {
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestBytes } from '../../../src/deploy/build/artifact.ts';
import type { FolderKey } from '../../../src/names.ts';
import type { Site } from '../../../src/site/table.ts';
import { guestBytes, padded, TestFolder } from '../../support/folder.ts';
import { locate, pathOf, Scratch, until, World } from '../world.ts';

const V1 = guestBytes('v1');
const V2 = guestBytes('v2');
const [D1, D2] = [digestBytes(V1), digestBytes(V2)];
const KEY = '/folder' as FolderKey;

describe('WatchedFolder, through the publisher', () => {
  let scratch: Scratch;
  let folder: TestFolder;

  beforeEach(() => {
    scratch = new Scratch();
    folder = new TestFolder(scratch.directory);
  });
  afterEach(() => {
    scratch[Symbol.dispose]();
  });

  const open = (options = {}) => World.open({ stateDirectory: scratch.path('state'), ...options });
  /** Older than any quiet time: such a file is complete at first sight. */
  const age = (name: string) => utimesSync(folder.path(name), 1, 1);

  describe('a folder that cannot be read', () => {
    test('keeps its site while it is renamed away, says so once, then goes on', async () => {
      await using world = await open();
      const located = locate(folder.directory, 'events');
      folder.write('app.wasm', V1);
      await world.untilServes(located, 'app.wasm', D1);
      const away = scratch.path('away');
      renameSync(folder.directory, away);
      await until(() => world.journal.matching(/cannot be reached/).length > 0);
      const kept = await world.publisher.siteOf(located);
      expect(kept.modules.get(pathOf('app.wasm'))).toMatchObject({ digest: D1 });
      writeFileSync(join(away, 'app.wasm'), V2);
      renameSync(away, folder.directory);
      await world.untilServes(located, 'app.wasm', D2);
      expect(world.journal.matching(/cannot be reached/)).toHaveLength(1);
      expect(world.journal.matching(/can be reached again/)).toHaveLength(1);
      folder.write('app.wasm', V1);
      await world.untilServes(located, 'app.wasm', D1);
    });

    test('is served from the kept versions after a restart, with its rules', async () => {
      const located = locate(folder.directory);
      folder.write('app.wasm', V1);
      folder.write('.kbp_config', '{"version":"v1","per_path_configs":{"/":{}}}');
      {
        await using world = await open();
        await world.untilServes(located, 'app.wasm', D1);
      }
      rmSync(folder.directory, { recursive: true });
      await using world = await open();
      const site = await world.publisher.siteOf(located);
      expect(site.modules.get(pathOf('app.wasm'))).toMatchObject({ digest: D1 });
      expect(site.manifest.anonymousRead).toBe(false);
      const byKey = await world.publisher.keptSite(KEY, located.mount);
      expect(byKey).toBe(site);
      expect(await world.publisher.keptSite('/other' as FolderKey, located.mount)).toBeUndefined();
      expect((await world.publisher.module(D1)).entry).toBe('run');
    });
  });

  describe('a link on the way to the folder', () => {
    /** `current` leads to the release, one level above or at the folder itself. */
    const release = (name: string, modules: Record<string, Uint8Array>) => {
      mkdirSync(scratch.path('releases', name, 'site'), { recursive: true });
      for (const [path, bytes] of Object.entries(modules)) {
        writeFileSync(scratch.path('releases', name, 'site', path), bytes);
      }
    };
    const swap = (name: string) => {
      symlinkSync(join('releases', name), scratch.path('next'));
      renameSync(scratch.path('next'), scratch.path('current'));
    };
    const siteOf = (name: string) => scratch.path('releases', name, 'site');

    test('is a deploy when it is swapped: all of new release, after all of the old', async () => {
      release('1', { 'a.wasm': V1, 'b.wasm': V1, 'old.wasm': V1 });
      release('2', { 'a.wasm': V2, 'b.wasm': V2, 'new.wasm': V2, 'broken.wasm': V2.subarray(9) });
      swap('1');
      await using world = await open();
      const located = locate(scratch.path('current', 'site'));
      for (const path of ['a.wasm', 'b.wasm', 'old.wasm']) {
        await world.untilServes(located, path, D1);
      }
      swap('2');
      await world.untilServes(located, 'new.wasm', D2);
      const newest = await world.publisher.siteOf(located);
      expect(newest.directory).toBe(siteOf('2'));
      expect(newest.modules.has(pathOf('old.wasm'))).toBe(false);
      expect(newest.modules.get(pathOf('broken.wasm'))?.kind).toBe('refused');
      const [before, after] = [siteOf('1'), siteOf('2')].map((directory) =>
        world.published.filter((site) => site.directory === directory),
      );
      const digestsOf = (site: Site) =>
        [...site.modules.values()].map((module) => 'digest' in module && module.digest);
      expect(before?.flatMap(digestsOf)).not.toContain(D2);
      expect(after?.flatMap(digestsOf)).not.toContain(D1);
      swap('1');
      await world.untilServes(located, 'a.wasm', D1);
    });

    test('is one too when the old release is deleted at once', async () => {
      release('1', { 'a.wasm': V1 });
      release('2', { 'a.wasm': V2.subarray(9) });
      swap('1');
      await using world = await open();
      const located = locate(scratch.path('current', 'site'));
      await world.untilServes(located, 'a.wasm', D1);
      swap('2');
      rmSync(scratch.path('releases', '1'), { recursive: true });
      await until(async () => (await world.publisher.siteOf(located)).directory === siteOf('2'));
      const site = await world.publisher.siteOf(located);
      expect(site.modules.get(pathOf('a.wasm'))).toMatchObject({ kind: 'serving', digest: D1 });
    });
  });

  test('answers for files before any module is judged, and for one that is wanted', async () => {
    const modules = Array.from({ length: 40 }, (_, index) => `m${String(index).padStart(2, '0')}`);
    for (const [index, name] of modules.entries()) folder.write(`${name}.wasm`, padded(V1, index));
    for (const name of modules) age(`${name}.wasm`);
    await using world = await open();
    const located = locate(folder.directory);
    const first = await world.publisher.siteOf(located);
    expect(first.modules.size).toBeLessThan(modules.length);
    const wanted = await world.publisher.verdict(KEY, pathOf('m39.wasm'));
    expect(wanted.modules.get(pathOf('m39.wasm'))?.kind).toBe('serving');
    expect(wanted.modules.size).toBeLessThan(modules.length);
    await until(async () => (await world.publisher.siteOf(located)).modules.size === 40);
  });

  test('answers for a module that the walk does not reach', async () => {
    for (let index = 0; index < 20; index += 1) mkdirSync(folder.path(`d${index}`));
    folder.write('d19/deep.wasm', V1);
    await using world = await open({ limits: { folderEntriesMax: 5 } });
    await world.publisher.siteOf(locate(folder.directory));
    await until(() => world.journal.matching(/may hold at most 5 entries/).length > 0);
    const site = await world.publisher.verdict(KEY, pathOf('d19/deep.wasm'));
    expect(site.modules.get(pathOf('d19/deep.wasm'))).toMatchObject({ digest: D1 });
    folder.write('d19/deep.wasm', V2);
    await world.untilServes(locate(folder.directory), 'd19/deep.wasm', D2);
  });

  describe('after a restart', () => {
    test('serves the last good version although the file is broken now', async () => {
      const located = locate(folder.directory);
      folder.write('app.wasm', V1);
      {
        await using world = await open();
        await world.untilServes(located, 'app.wasm', D1);
      }
      folder.write('app.wasm', V2.subarray(0, 50));
      age('app.wasm');
      await using world = await open();
      const site = await world.publisher.siteOf(located);
      expect(site.modules.get(pathOf('app.wasm'))).toMatchObject({ digest: D1 });
      expect((await world.publisher.module(D1)).digest).toBe(D1);
    });

    test('serves what changed meanwhile', async () => {
      const located = locate(folder.directory);
      folder.write('app.wasm', V1);
      {
        await using world = await open();
        await world.untilServes(located, 'app.wasm', D1);
      }
      folder.write('app.wasm', V2);
      await using world = await open();
      await world.untilServes(located, 'app.wasm', D2);
    });

    test('rebuilds a record that is damaged', async () => {
      const located = locate(folder.directory);
      folder.write('app.wasm', V1);
      {
        await using world = await open();
        await world.untilServes(located, 'app.wasm', D1);
      }
      const folders = scratch.path('state', 'folders');
      for (const name of readdirSync(folders)) writeFileSync(join(folders, name), '{"half":');
      await using world = await open();
      await world.untilServes(located, 'app.wasm', D1);
      expect(world.journal.matching(/Cannot use the record/).length).toBeGreaterThan(0);
    });

    const damageKept = async (): Promise<ReturnType<typeof locate>> => {
      const located = locate(folder.directory);
      folder.write('app.wasm', V1);
      await using world = await open();
      await world.untilServes(located, 'app.wasm', D1);
      writeFileSync(scratch.path('state', 'modules', D1.slice(0, 2), `${D1}.wasm`), 'damaged');
      return located;
    };

    test('serves on where the kept bytes are damaged, by what was made of them', async () => {
      const located = await damageKept();
      await using world = await open();
      await world.publisher.siteOf(located);
      expect((await world.publisher.module(D1)).digest).toBe(D1);
    });

    test('reads the file again when the kept bytes are damaged', async () => {
      const located = await damageKept();
      rmSync(scratch.path('state', 'forms'), { recursive: true });
      await using world = await open();
      await world.publisher.siteOf(located);
      await expect(world.publisher.module(D1)).rejects.toMatchObject({ code: 'no-verdict' });
      const loaded = await until(() =>
        world.publisher.module(D1).then(
          (module) => module,
          () => undefined,
        ),
      );
      expect(loaded.digest).toBe(D1);
    });
  });

  test('where every change is heard of, each is seen by glances alone', async () => {
    // A clock that stands still: by it no look is ever due.
    const nowMs = Date.now() + 3_600_000;
    await using world = await open({ nowMs: () => nowMs });
    const located = locate(folder.directory, 'events');
    const write = (name: string, content: Uint8Array) => writeFileSync(folder.path(name), content);
    write('app.wasm', V1);
    await world.untilServes(located, 'app.wasm', D1);
    write('app.wasm', V2);
    await world.untilServes(located, 'app.wasm', D2);
    mkdirSync(folder.path('sub'));
    write('sub/app.wasm', V1);
    await world.untilServes(located, 'sub/app.wasm', D1);
    mkdirSync(folder.path('.next'));
    write('.next/app.wasm', V2);
    renameSync(folder.path('sub'), scratch.path('old'));
    renameSync(folder.path('.next'), folder.path('sub'));
    await world.untilServes(located, 'sub/app.wasm', D2);
    write('sub/app.wasm', V1);
    await world.untilServes(located, 'sub/app.wasm', D1);
    const next = scratch.path('next');
    mkdirSync(next);
    writeFileSync(join(next, 'app.wasm'), V1);
    renameSync(folder.directory, scratch.path('gone'));
    renameSync(next, folder.directory);
    await world.untilServes(located, 'app.wasm', D1);
    write('app.wasm', V2);
    await world.untilServes(located, 'app.wasm', D2);
  });

  test.each(['index.html', 'INDEX.html'])('it is known whether there is an %s', async (page) => {
    await using world = await open();
    const located = locate(folder.directory, 'events');
    folder.write('index.wasm', V1);
    mkdirSync(folder.path('sub'));
    writeFileSync(folder.path(`sub/${page}`), 'of another directory');
    await world.untilServes(located, 'index.wasm', D1);
    const isPageLacking = async () =>
      (await world.publisher.siteOf(located)).lacksIndexPage === true;
    await until(isPageLacking);
    writeFileSync(folder.path(page), 'hello');
    await until(async () => !(await isPageLacking()));
    rmSync(folder.path(page));
    await until(isPageLacking);
  });

  test('it is known what lies beside an index.wasm', async () => {
    await using world = await open();
    const located = locate(folder.directory, 'events');
    folder.write('index.wasm', V1);
    await world.untilServes(located, 'index.wasm', D1);
    const untilNamed = (...names: readonly string[]) =>
      until(async () => {
        const { topNames = [] } = await world.publisher.siteOf(located);
        return [...topNames].sort().join() === names.join();
      });
    await untilNamed();
    writeFileSync(folder.path('style.css'), 'hello');
    await untilNamed('style.css');
    mkdirSync(folder.path('Images'));
    await untilNamed('images', 'style.css');
    rmSync(folder.path('style.css'));
    await untilNamed('images');
  });

  test('a folder nobody asked for in a long time is looked at before the answer', async () => {
    let offsetMs = 0;
    await using world = await open({ nowMs: () => Date.now() + offsetMs });
    const located = locate(folder.directory);
    folder.write('app.wasm', V1);
    await world.untilServes(located, 'app.wasm', D1);
    offsetMs = 1_000_000;
    folder.write('app.wasm', V2);
    const site = await world.publisher.siteOf(located);
    expect(site.modules.get(pathOf('app.wasm'))).toMatchObject({ digest: D2 });
  });

  test('manifest: a broken .kbp_config closes the folder, a good one opens it', async () => {
    await using world = await open();
    const located = locate(folder.directory);
    folder.write('app.wasm', V1);
    await world.untilServes(located, 'app.wasm', D1);
    folder.write('.kbp_config', '{"version":"v1","per_pa');
    await until(() =>
      world.publisher.siteOf(located).then(
        () => false,
        (error) => error.code === 'bad-manifest',
      ),
    );
    const closed = world.published.at(-1);
    expect(closed?.manifest.anonymousRead).toBe(false);
    expect(closed?.failure).toMatchObject({ code: 'bad-manifest' });
    const rules = { version: 'v1', per_path_configs: { '/': { anonymous_permissions: 'read' } } };
    folder.write('.kbp_config', JSON.stringify(rules));
    const opened = await until(() => world.publisher.siteOf(located).catch(() => undefined));
    expect(opened.manifest).toMatchObject({ isConfigured: true, anonymousRead: true });
    expect(opened.modules.get(pathOf('app.wasm'))).toMatchObject({ digest: D1 });
  });

  test('manifest: no folder is open while its new .kbp_config is being written', async () => {
    folder.write('app.wasm', V1);
    age('app.wasm');
    folder.write('.kbp_config', '{"version":"v1","per_path_configs":{"/":{}}}');
    await using world = await open();
    const site = await world.publisher.siteOf(locate(folder.directory));
    expect(site.manifest.anonymousRead).toBe(false);
    expect(world.published.every(({ manifest }) => !manifest.anonymousRead)).toBe(true);
  });
});
