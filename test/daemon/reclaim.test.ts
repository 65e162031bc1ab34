import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { defaultLimits } from '../../src/config/config.ts';
import { Reclaimer } from '../../src/daemon/reclaim.ts';
import { digestBytes } from '../../src/deploy/build/artifact.ts';
import { readRecords } from '../../src/deploy/keep/record-files.ts';
import { ModuleStore } from '../../src/deploy/keep/store.ts';
import type { FolderKey, ModulePath } from '../../src/names.ts';
import { Locator } from '../../src/outside/mount/locate.ts';
import { MountGuards } from '../../src/outside/mount/mount-guards.ts';
import { parseGuestSpace } from '../../src/outside/store/spaces.ts';
import { readGuestSpaces } from '../../src/outside/store/stored-spaces.ts';
import { bytes, useKeyValue } from '../capability/kv/client-bench.ts';
import { LogBook, Scratch, until, World } from '../deploy/world.ts';

const bench = useKeyValue();
const DAY_MS = 86_400_000;
const alice = '/shared/alice' as FolderKey;
const bob = '/shared/bob' as FolderKey;
const modulePath = 'kv.wasm' as ModulePath;

/** Two folders with a module each that has stored something, and a clock. */
async function prepare(scratch: Scratch) {
  const state = scratch.path('state');
  const journal = new LogBook();
  const store = await ModuleStore.open(state, { journal, limits: defaultLimits });
  const writer = bench.openWriter();
  const client = bench.openClient(writer);
  for (const [index, folderKey] of [alice, bob].entries()) {
    mkdirSync(scratch.path('mount', folderKey.slice('/shared/'.length)), { recursive: true });
    const added = { digest: digestBytes(bytes(folderKey)), bytes: bytes(folderKey) };
    const version = { digest: added.digest, abi: 'terrarium', acceptedAtMs: 1, bytes: index };
    const module = { versions: [version], seen: { digest: added.digest, stamp: '1' } } as const;
    const modules = new Map([[modulePath, module]]);
    await store.commit({ folderKey, directory: scratch.path('mount'), modules }, added);
    await client.forRun({ folderKey, modulePath }).insert(bytes('k'), bytes('v'));
  }
  let nowMs = 1;
  const world = await World.open({ stateDirectory: state, nowMs: () => nowMs });
  const mount = { prefix: '/shared', directory: scratch.path('mount'), watch: 'poll' } as const;
  const guards = new MountGuards(defaultLimits);
  const reclaimer = new Reclaimer({
    publisher: world.publisher,
    store: writer,
    databasePath: bench.databasePath,
    locator: new Locator({ mounts: [mount], botUser: undefined, guards }),
    isFolderMode: false,
    goneKeptDays: 30,
    journal: journal,
    nowMs: () => nowMs,
  });
  const stored = (): readonly string[] =>
    [...readGuestSpaces(bench.databasePath)]
      .flat()
      .map(({ name, goneAtMs }) => `${parseGuestSpace(name).folderKey} ${goneAtMs ?? 'there'}`);
  return {
    world,
    reclaimer,
    stored,
    records: () => readRecords(state, journal),
    kept: async () => (await readRecords(state, journal)).map(({ folderKey }) => folderKey).sort(),
    lookAt: async (atMs: number) => {
      nowMs = atMs;
      await reclaimer.look();
      expect(journal.matching(/not taken back/)).toEqual([]);
    },
  };
}

test('what a folder left goes when it has been gone for goneKeptDays, nobody else’s', async () => {
  using scratch = new Scratch();
  const { kept, lookAt, stored, world } = await prepare(scratch);
  await using _world = world;
  await lookAt(10);
  expect(stored()).toEqual([`${alice} there`, `${bob} there`]);
  rmSync(scratch.path('mount', 'alice'), { recursive: true });
  await lookAt(20);
  await until(() => stored()[0] === `${alice} 20`);
  await lookAt(20 + 30 * DAY_MS);
  expect(await kept()).toEqual([alice, bob]);
  await lookAt(21 + 30 * DAY_MS);
  expect(await kept()).toEqual([bob]);
  await until(() => stored().length === 1);
  expect(stored()).toEqual([`${bob} there`]);
});

test('a folder that comes back keeps everything, and its time begins anew', async () => {
  using scratch = new Scratch();
  const { kept, lookAt, stored, world } = await prepare(scratch);
  await using _world = world;
  renameSync(scratch.path('mount', 'alice'), scratch.path('away'));
  await lookAt(20);
  renameSync(scratch.path('away'), scratch.path('mount', 'alice'));
  await lookAt(29 * DAY_MS);
  await until(() => stored()[0] === `${alice} there`);
  renameSync(scratch.path('mount', 'alice'), scratch.path('away'));
  await lookAt(40 * DAY_MS);
  await until(() => stored()[0] === `${alice} ${40 * DAY_MS}`);
  expect(await kept()).toEqual([alice, bob]);
});

test('nothing is forgotten while the mount is away', async () => {
  using scratch = new Scratch();
  const { kept, lookAt, stored, world } = await prepare(scratch);
  await using _world = world;
  for (const name of ['alice', 'bob']) {
    renameSync(scratch.path('mount', name), scratch.path(`away-${name}`));
  }
  await lookAt(20);
  await lookAt(1_000 * DAY_MS);
  expect(await kept()).toEqual([alice, bob]);
  expect(stored()).toEqual([`${alice} there`, `${bob} there`]);
  // An entry tells that it is there; now the folders are gone.
  writeFileSync(scratch.path('mount', 'readme.txt'), '');
  await lookAt(1_001 * DAY_MS);
  await until(() => stored()[0] === `${alice} ${1_001 * DAY_MS}`);
});

test('stop ends a look under way, and nothing is taken back by it', async () => {
  using scratch = new Scratch();
  const { reclaimer, records, stored, world } = await prepare(scratch);
  await using _world = world;
  rmSync(scratch.path('mount', 'alice'), { recursive: true });
  const looking = reclaimer.look();
  await reclaimer.stop();
  await looking;
  expect((await records()).map(({ goneAtMs }) => goneAtMs)).toEqual([undefined, undefined]);
  expect(stored()).toEqual([`${alice} there`, `${bob} there`]);
});
