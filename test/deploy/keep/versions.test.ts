import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestBytes } from '../../../src/deploy/build/artifact.ts';
import { openStoreOf, pinsDirectory } from '../../../src/deploy/keep/pins.ts';
import { listVersions, rollBack } from '../../../src/deploy/keep/versions.ts';
import type { FolderKey } from '../../../src/names.ts';
import { guestBytes, TestFolder } from '../../support/folder.ts';
import { LogBook, locate, pathOf, Scratch, until, World } from '../world.ts';

const guests = ['v1', 'v2', 'hello', 'echo'].map((name) => guestBytes(name));
const digests = guests.map(digestBytes);
const [V1 = new Uint8Array(), V2 = new Uint8Array(), HELLO = new Uint8Array()] = guests;
const [D1, D2, DH] = [digestBytes(V1), digestBytes(V2), digestBytes(HELLO)];

describe('versions', () => {
  let scratch: Scratch;
  let folder: TestFolder;
  const journal = new LogBook();

  beforeEach(() => {
    scratch = new Scratch();
    folder = new TestFolder(scratch.directory);
  });
  afterEach(() => {
    scratch[Symbol.dispose]();
  });

  const state = () => scratch.path('state');
  const open = (options = {}) => World.open({ stateDirectory: state(), ...options });
  const located = () => locate(folder.directory);
  /** Deploys each in turn as app.wasm. */
  const deploy = async (world: World, contents: readonly Uint8Array[]) => {
    for (const bytes of contents) {
      folder.write('app.wasm', bytes);
      await world.untilServes(located(), 'app.wasm', digestBytes(bytes));
    }
  };
  const listed = async (filter?: string) => await listVersions(state(), filter, journal);

  test('listVersions() shows newest first, what serves; only what the filter names', async () => {
    await using world = await open();
    folder.write('dir/other.wasm', HELLO);
    await deploy(world, [V1, V2]);
    const all = await listed();
    expect(all.map(({ modulePath }) => modulePath)).toEqual(['app.wasm', 'dir/other.wasm']);
    expect(all[0]).toMatchObject({ folderKey: '/folder', isPinned: false, isGone: false });
    expect(all[0]?.versions).toMatchObject([
      { digest: D2, abi: 'terrarium', isServing: true, bytes: V2.length },
      { digest: D1, isServing: false },
    ]);
    expect(await world.publisher.versions()).toEqual(all);
    expect(await listed('/folder')).toHaveLength(2);
    expect(await listed('/folder/dir/other.wasm')).toHaveLength(1);
    expect(await listed('/folder/none.wasm')).toEqual([]);
    expect(await listed('/fold')).toEqual([]);
  });

  test('listVersions() of a state directory that is not there is empty', async () => {
    expect(await listVersions(scratch.path('none'), undefined, journal)).toEqual([]);
  });

  test('rollBack() is taken up by the running daemon and ends with the next change', async () => {
    await using world = await open();
    await deploy(world, [V1, V2]);
    const version = await rollBack(
      state(),
      { name: '/folder/app.wasm', digestStart: D1.slice(0, 8) },
      journal,
    );
    expect(version).toMatchObject({ digest: D1, isServing: true });
    await world.untilServes(located(), 'app.wasm', D1);
    expect(world.journal.matching(/rolled back/)).toHaveLength(1);
    expect((await listed())[0]).toMatchObject({ isPinned: true });
    folder.write('app.wasm', HELLO);
    await world.untilServes(located(), 'app.wasm', DH);
    // Back to the content of the rollback: that is a deploy, not the rollback again.
    folder.write('app.wasm', V2);
    await world.untilServes(located(), 'app.wasm', D2);
    expect((await listed())[0]).toMatchObject({ isPinned: false });
  });

  test('rollBack() without a daemon holds after the next start, over a touched file', async () => {
    {
      await using world = await open();
      await deploy(world, [V1, V2]);
    }
    await rollBack(state(), { name: '/folder/app.wasm', digestStart: D1 }, journal);
    folder.write('app.wasm', V2);
    await using world = await open();
    await world.untilServes(located(), 'app.wasm', D1);
    folder.write('marker.wasm', HELLO);
    await world.untilServes(located(), 'marker.wasm', DH);
    const site = await world.publisher.siteOf(located());
    expect(site.modules.get(pathOf('app.wasm'))).toMatchObject({ digest: D1 });
  });

  test('says once that a rollback holds over a file written again as it was', async () => {
    await using world = await open();
    await deploy(world, [V1, V2]);
    await rollBack(state(), { name: '/folder/app.wasm', digestStart: D1 }, journal);
    await world.untilServes(located(), 'app.wasm', D1);
    const told = () => world.journal.matching(/pinned/);
    expect(told()).toEqual([]);
    folder.write('app.wasm', V2);
    await until(() => told().length > 0);
    expect(told()).toMatchObject([
      { level: 'info', fields: { modulePath: 'app.wasm', digest: D1 } },
    ]);
    folder.replace('app.wasm', V2);
    folder.write('other.wasm', HELLO);
    await world.untilServes(located(), 'other.wasm', DH);
    expect(told()).toHaveLength(1);
    await world.untilServes(located(), 'app.wasm', D1);
  });

  test('rollBack() while the file is broken holds until its content changes', async () => {
    await using world = await open();
    await deploy(world, [V1, V2]);
    folder.write('app.wasm', 'broken now');
    folder.write('marker.wasm', HELLO);
    await world.untilServes(located(), 'marker.wasm', DH);
    const { refusal } = (await listed('/folder/app.wasm'))[0] ?? {};
    expect(refusal).toMatch(/^Cannot/);
    await rollBack(state(), { name: '/folder/app.wasm', digestStart: D1 }, journal);
    await world.untilServes(located(), 'app.wasm', D1);
    folder.write('app.wasm', V2);
    await world.untilServes(located(), 'app.wasm', D2);
  });

  test('rollBack() to the newest ends a rollback', async () => {
    await using world = await open();
    await deploy(world, [V1, V2]);
    await rollBack(state(), { name: '/folder/app.wasm', digestStart: D1 }, journal);
    await world.untilServes(located(), 'app.wasm', D1);
    await rollBack(state(), { name: '/folder/app.wasm', digestStart: D2 }, journal);
    await world.untilServes(located(), 'app.wasm', D2);
    expect((await listed())[0]).toMatchObject({ isPinned: false });
  });

  test('rollBack() refuses names and digests that are not there with usage', async () => {
    await using world = await open();
    await deploy(world, [V1]);
    for (const [name, digestStart] of [
      ['/folder/none.wasm', D1],
      ['/other/app.wasm', D1],
      ['/folder', D1],
      ['/folder/app.wasm', D2],
      ['/folder/app.wasm', D1.slice(0, 7)],
      ['/folder/app.wasm', D1.toUpperCase()],
      ['/folder/app.wasm', ''],
      ['/folder/app.wasm', '../../../etc'],
    ] as const) {
      await expect(rollBack(state(), { name, digestStart }, journal)).rejects.toMatchObject({
        code: 'usage',
        message: expect.stringMatching(/^Cannot roll back/),
      });
    }
  });

  test('versionsKeptMax: older versions and their bytes are gone', async () => {
    await using world = await open({ limits: { versionsKeptMax: 2 } });
    await deploy(world, guests);
    const kept = (await listed())[0]?.versions.map(({ digest }) => digest);
    expect(kept).toEqual(digests.slice(-2).reverse());
    const files = readdirSync(join(state(), 'modules'), { recursive: true }).map(String);
    expect(files.filter((name) => name.endsWith('.wasm'))).toHaveLength(2);
  });

  test('a damaged rollback is logged and counts as none', async () => {
    await using world = await open();
    await deploy(world, [V1, V2]);
    await rollBack(state(), { name: '/folder/app.wasm', digestStart: D1 }, journal);
    await world.untilServes(located(), 'app.wasm', D1);
    const store = openStoreOf(state());
    const write = {
      key: Buffer.from('app.wasm'),
      op: 'put',
      value: Buffer.from('{"id":'),
    } as const;
    await store.commit({ area: 'deploy', name: '/folder' }, [write], { deadlineMs: 1_000 });
    await store.close();
    await world.untilServes(located(), 'app.wasm', D2);
    expect(world.journal.matching(/Cannot use a rollback/).length).toBeGreaterThan(0);
  });

  test('a rollback of an earlier release is taken over, once', async () => {
    {
      await using world = await open();
      await deploy(world, [V1, V2]);
    }
    const pins = pinsDirectory(state(), '/folder' as FolderKey);
    mkdirSync(pins, { recursive: true });
    const pin = { format: 1, id: 'a', modulePath: 'app.wasm', digest: D1, seenDigest: D2 };
    writeFileSync(join(pins, 'a.json'), JSON.stringify(pin));
    writeFileSync(join(pins, 'b.json'), '{"id":');
    expect((await listed())[0]).toMatchObject({ isPinned: true });
    expect(existsSync(pins)).toBe(false);
    await using world = await open();
    await world.untilServes(located(), 'app.wasm', D1);
  });

  test('a deleted module keeps its versions and serves nothing', async () => {
    await using world = await open();
    await deploy(world, [V1]);
    folder.remove('app.wasm');
    await world.moduleWhen(located(), 'app.wasm', (module) => module === undefined);
    expect((await listed())[0]).toMatchObject({
      isGone: true,
      versions: [{ digest: D1, isServing: false }],
    });
    folder.write('app.wasm', V1);
    await world.untilServes(located(), 'app.wasm', D1);
    expect((await listed())[0]).toMatchObject({ isGone: false });
  });
});
