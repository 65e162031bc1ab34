import {
  closeSync,
  mkdirSync,
  openSync,
  renameSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestBytes } from '../../src/deploy/build/artifact.ts';
import { openStoreOf } from '../../src/deploy/keep/pins.ts';
import { Publisher } from '../../src/deploy/publish.ts';
import type { FolderKey } from '../../src/names.ts';
import type { LocatedFolder } from '../../src/outside/mount/locate.ts';
import { MountGuards } from '../../src/outside/mount/mount-guards.ts';
import { OpenWriters } from '../../src/outside/mount/open-writers.ts';
import { SealingKeys } from '../../src/outside/secrets/sealing-keys.ts';
import type { LoadedModule } from '../../src/threads/messages.ts';
import { guestBytes, TestFolder } from '../support/folder.ts';
import { LogBook, locate, pathOf, Scratch, testConfig, until, World } from './world.ts';

const V1 = guestBytes('v1');
const V2 = guestBytes('v2');
const HELLO = guestBytes('hello');
const [D1, D2, DH] = [digestBytes(V1), digestBytes(V2), digestBytes(HELLO)];
/** Names of the exports of what was compiled. */
function exportsOf({ program }: LoadedModule): string[] {
  const modules = program.cores.map(({ module }) => WebAssembly.Module.exports(module));
  return modules.flat().map(({ name }) => name);
}

const KEY = '/folder' as FolderKey;

describe('Publisher', () => {
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

  test('siteOf() comes to have every module that is there, also in directories', async () => {
    folder.write('v1.wasm', V1);
    folder.write('dir/v2.wasm', V2);
    await using world = await open();
    const located = locate(folder.directory);
    await world.untilServes(located, 'v1.wasm', D1);
    await world.untilServes(located, 'dir/v2.wasm', D2);
    const site = await world.publisher.siteOf(located);
    expect(site.mountDirectory).toBe(folder.directory);
    const loaded = await world.publisher.module(D1);
    expect(loaded).toMatchObject({ digest: D1, abi: 'terrarium', entry: 'run' });
    expect(exportsOf(loaded)).toContain('run');
  });

  test('siteOf() rejects with folder-not-found where nothing is and nothing was kept', async () => {
    await using world = await open();
    const located = locate(scratch.path('nowhere'));
    await expect(world.publisher.siteOf(located)).rejects.toMatchObject({
      code: 'folder-not-found',
    });
    mkdirSync(located.directory);
    writeFileSync(join(located.directory, 'v1.wasm'), V1);
    await until(() =>
      world.publisher.siteOf(located).then(
        (site) => site.modules.has(pathOf('v1.wasm')),
        () => false,
      ),
    );
  });

  test.each(['poll', 'events'] as const)(
    'overwrites, adds, renames, removes (%s)',
    async (watch) => {
      await using world = await open();
      const located = locate(folder.directory, watch);
      folder.write('app.wasm', V1);
      await world.untilServes(located, 'app.wasm', D1);
      folder.write('app.wasm', V2);
      await world.untilServes(located, 'app.wasm', D2);
      folder.replace('new.wasm', HELLO);
      await world.untilServes(located, 'new.wasm', DH);
      renameSync(folder.path('new.wasm'), folder.path('renamed.wasm'));
      await world.untilServes(located, 'renamed.wasm', DH);
      await world.moduleWhen(located, 'new.wasm', (module) => module === undefined);
      folder.remove('renamed.wasm');
      await world.moduleWhen(located, 'renamed.wasm', (module) => module === undefined);
      expect(world.journal.matching(/"renamed.wasm".*module removed/)).toHaveLength(1);
      const generations = world.published.map(({ generation }) => generation);
      expect(generations).toEqual([...generations].sort((a, b) => a - b));
      expect(new Set(generations).size).toBe(generations.length);
    },
  );

  test('never replaces a good version by a broken file, and says why once', async () => {
    await using world = await open();
    const located = locate(folder.directory);
    folder.write('app.wasm', V1);
    await world.untilServes(located, 'app.wasm', D1);
    for (const broken of [V2.subarray(0, 60), V2.subarray(0, 8), 'text', '']) {
      folder.write('app.wasm', broken);
      const before = world.journal.matching(/refused/).length;
      await until(() => world.journal.matching(/refused/).length > before);
      const site = await world.publisher.siteOf(located);
      expect(site.modules.get(pathOf('app.wasm'))).toMatchObject({ digest: D1 });
    }
    const told = world.journal.matching(/refused: the last good version keeps serving/);
    expect(told).toHaveLength(4);
    // The same content again is the same verdict, and is not told again.
    folder.write('app.wasm', V2);
    await world.untilServes(located, 'app.wasm', D2);
    expect(world.journal.matching(/refused/)).toHaveLength(4);
  });

  test('says a refusal once however often the file is touched', async () => {
    await using world = await open();
    const located = locate(folder.directory);
    folder.write('app.wasm', 'not a module');
    await world.moduleWhen(located, 'app.wasm', (module) => module?.kind === 'refused');
    for (const time of [1_000, 2_000, 3_000]) {
      utimesSync(folder.path('app.wasm'), time, time);
      folder.write(`marker-${time}.wasm`, V1);
      await world.untilServes(located, `marker-${time}.wasm`, D1);
    }
    expect(world.journal.matching(/module refused/)).toHaveLength(1);
  });

  test('does not publish a file that is cut at a section end while it grows', async () => {
    await using world = await open();
    const located = locate(folder.directory);
    folder.write('app.wasm', V1);
    await world.untilServes(located, 'app.wasm', D1);
    const before = world.published.length;
    for (let length = 8; length < V2.length; length += 7) {
      folder.write('app.wasm', V2.subarray(0, length));
    }
    folder.write('app.wasm', V2);
    await world.untilServes(located, 'app.wasm', D2);
    const digests = world.published
      .slice(before)
      .map(({ modules }) => modules.get(pathOf('app.wasm')))
      .map((module) => (module?.kind === 'serving' ? module.digest : module?.kind));
    // What was served before may be told once more.
    for (const digest of digests) expect([D1, D2]).toContain(digest);
    expect(digests.at(-1)).toBe(D2);
  });

  test.skipIf(OpenWriters.open() === undefined)(
    'publishes sooner what nobody has open for writing, and nothing else',
    async () => {
      const watch = { quietMs: 600_000, quietClosedMs: 20 };
      await using world = await open({ watch });
      const located = locate(folder.directory);
      const writer = openSync(folder.path('app.wasm'), 'w');
      writeSync(writer, V2);
      folder.write('other.wasm', V1);
      folder.write('broken.wasm', V1.subarray(0, 20));
      await world.untilServes(located, 'other.wasm', D1);
      const { modules } = await world.publisher.siteOf(located);
      expect([...modules.keys()]).toEqual(['other.wasm']);
      closeSync(writer);
      await world.untilServes(located, 'app.wasm', D2);
      expect(world.journal.matching(/refused/)).toEqual([]);
    },
  );

  describe('verdict()', () => {
    test('waits for a file that was just written', async () => {
      await using world = await open();
      await world.publisher.siteOf(locate(folder.directory));
      folder.write('late.wasm', V1);
      const site = await world.publisher.verdict(KEY, pathOf('late.wasm'));
      expect(site.modules.get(pathOf('late.wasm'))).toMatchObject({ digest: D1 });
    });

    test('answers at once where there is no such file or the name is not served', async () => {
      await using world = await open();
      const current = await world.publisher.siteOf(locate(folder.directory));
      folder.write('a (conflicted copy).wasm', V1);
      for (const path of ['none.wasm', '.hidden.wasm', 'a (conflicted copy).wasm', '../up.wasm']) {
        expect(await world.publisher.verdict(KEY, pathOf(path))).toBe(current);
      }
    });

    test('gives up with no-verdict after verdictWaitMs while the file keeps changing', async () => {
      await using world = await open({ limits: { verdictWaitMs: 300 } });
      await world.publisher.siteOf(locate(folder.directory));
      folder.write('grows.wasm', V1);
      let length = 0;
      const growing = setInterval(() => folder.write('grows.wasm', 'x'.repeat(++length)), 5);
      try {
        await expect(world.publisher.verdict(KEY, pathOf('grows.wasm'))).rejects.toMatchObject({
          code: 'no-verdict',
        });
      } finally {
        clearInterval(growing);
      }
    });

    test('rejects for a folder that is not in use', async () => {
      await using world = await open();
      await expect(world.publisher.verdict(KEY, pathOf('a.wasm'))).rejects.toMatchObject({
        code: 'no-verdict',
      });
    });
  });

  describe('limits', () => {
    test('foldersWatchedMax: the folder least recently asked for is let go', async () => {
      await using world = await open({ limits: { foldersWatchedMax: 2 } });
      const folders = ['a', 'b', 'c'].map((name) => {
        const directory = scratch.path(`folder-${name}`);
        mkdirSync(directory);
        writeFileSync(join(directory, 'app.wasm'), V1);
        return { ...locate(directory), key: `/${name}` as FolderKey };
      });
      const [a, b, c] = folders;
      if (a === undefined || b === undefined || c === undefined) throw new Error('three folders');
      const first = await world.publisher.siteOf(a);
      await world.publisher.siteOf(b);
      await world.publisher.siteOf(c);
      writeFileSync(join(a.directory, 'app.wasm'), V2);
      writeFileSync(join(c.directory, 'app.wasm'), V2);
      await world.untilServes(c, 'app.wasm', D2);
      expect(world.published.filter(({ folderKey }) => folderKey === '/a')).toEqual([first]);
      const again = await world.publisher.verdict('/a' as FolderKey, pathOf('none.wasm'));
      expect(again.generation).toBeGreaterThan(first.generation);
      await world.untilServes(a, 'app.wasm', D2);
    });

    test('foldersWatchedMax: who has many folders pushes out his own', async () => {
      await using world = await open({ limits: { foldersWatchedMax: 3 } });
      const [alices, ...mallorys] = ['alice', 'mallory/1', 'mallory/2', 'mallory/3'].map((name) => {
        const directory = scratch.path(`folder-${name}`);
        mkdirSync(directory, { recursive: true });
        writeFileSync(join(directory, 'app.wasm'), V1);
        return { ...locate(directory), key: `/shared/${name}` as FolderKey };
      });
      if (alices === undefined) throw new Error('four folders');
      const first = await world.publisher.siteOf(alices);
      for (const mallory of mallorys) await world.publisher.siteOf(mallory);
      writeFileSync(join(alices.directory, 'app.wasm'), V2);
      const published = () => world.published.filter(({ folderKey }) => folderKey === alices.key);
      await until(() => published().length > 1);
      expect(published()[0]).toEqual(first);
    });

    test('modulesPerFolderMax: refuses a new file in excess by name, no good one', async () => {
      await using world = await open({ limits: { modulesPerFolderMax: 2 } });
      const located = locate(folder.directory);
      folder.write('m.wasm', V1);
      folder.write('n.wasm', V1);
      await world.untilServes(located, 'n.wasm', D1);
      folder.write('a.wasm', V1);
      const excess = await world.moduleWhen(located, 'a.wasm', (module) => module !== undefined);
      expect(excess).toMatchObject({ kind: 'refused' });
      expect(JSON.stringify(excess)).toMatch(/at most 2 modules/);
      folder.write('n.wasm', V2);
      await world.untilServes(located, 'n.wasm', D2);
      folder.remove('m.wasm');
      await world.untilServes(located, 'a.wasm', D1);
      expect(world.journal.matching(/"a.wasm".*at most 2 modules/)).toHaveLength(1);
    });

    test('moduleBytesPerFolderMax: refuses what does not fit; good ones stay', async () => {
      const limits = { moduleBytesPerFolderMax: V1.length + HELLO.length - 1 };
      await using world = await open({ limits });
      const located = locate(folder.directory);
      folder.write('a.wasm', V1);
      await world.untilServes(located, 'a.wasm', D1);
      folder.write('b.wasm', HELLO);
      const excess = await world.moduleWhen(located, 'b.wasm', (module) => module !== undefined);
      expect(JSON.stringify(excess)).toMatch(/bytes together/);
      const site = await world.publisher.siteOf(located);
      expect(site.modules.get(pathOf('a.wasm'))).toMatchObject({ digest: D1 });
    });

    test('moduleBytesMax: a larger file is refused', async () => {
      await using world = await open({ limits: { moduleBytesMax: V1.length - 1 } });
      const located = locate(folder.directory);
      folder.write('a.wasm', V1);
      const module = await world.moduleWhen(located, 'a.wasm', (found) => found !== undefined);
      expect(JSON.stringify(module)).toMatch(/at most \d+ bytes: received \d+ bytes/);
    });
  });

  test('conflict copies are told once each and never served', async () => {
    await using world = await open();
    const located = locate(folder.directory);
    folder.write('a.sync-conflict-20191108-101530-ABCDEFG.wasm', V1);
    folder.write('b (conflicted copy).wasm', V1);
    folder.write('good.wasm', V1);
    await world.untilServes(located, 'good.wasm', D1);
    folder.write('good.wasm', V2);
    await world.untilServes(located, 'good.wasm', D2);
    expect(world.journal.matching(/conflict copy/)).toHaveLength(2);
    expect((await world.publisher.siteOf(located)).modules.size).toBe(1);
  });

  test('open() rejects with state where the directory cannot be used', async () => {
    writeFileSync(scratch.path('file'), '');
    const config = testConfig(scratch.path('file'));
    const guards = new MountGuards(config.limits);
    const relocate = (located: LocatedFolder) => Promise.resolve(located);
    const journal = new LogBook();
    const sealingKeys = new SealingKeys(scratch.path('state'));
    const shared = openStoreOf(scratch.path('state'));
    await expect(
      Publisher.open({
        config,
        journal,
        guards,
        relocate,
        sealingKeys,
        shared,
        variable: () => 'closed' as const,
      }),
    ).rejects.toMatchObject({
      code: 'state',
    });
    await shared.close();
  });
});
