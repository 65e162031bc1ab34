import { statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import { digestBytes } from '../../../src/deploy/build/artifact.ts';
import { Builder } from '../../../src/deploy/build/builder.ts';
import { FolderModules } from '../../../src/deploy/folder/modules.ts';
import { KeptModules } from '../../../src/deploy/keep/kept-modules.ts';
import { openStoreOf } from '../../../src/deploy/keep/pins.ts';
import { ModuleStore } from '../../../src/deploy/keep/store.ts';
import { MountReads } from '../../../src/deploy/look/mount-gates.ts';
import { listFolder } from '../../../src/deploy/look/scan.ts';
import type { SharedStore } from '../../../src/outside/store/contract.ts';
import { guestBytes, TestFolder } from '../../support/folder.ts';
import { guardedFs, testOwner } from '../../support/guarded-fs.ts';
import { LogBook, locate, openModules, pathOf, Scratch, testConfig } from '../world.ts';

const timing = { quietMs: 300, pollMs: 1_000, settledAgeMs: 300, hasEvents: false };
const [D1, D2] = [digestBytes(guestBytes('v1')), digestBytes(guestBytes('v2'))];

describe('FolderModules, by a clock of its own', () => {
  let scratch: Scratch;
  let folder: TestFolder;
  let builder: Builder;
  let modules: FolderModules;
  let journal: LogBook;
  let nowMs: number;
  let verdicts: number;

  beforeEach(async () => {
    scratch = new Scratch();
    folder = new TestFolder(scratch.directory);
    builder = new Builder({ limits: defaultLimits });
    journal = new LogBook();
    nowMs = Date.now();
    verdicts = 0;
    await open();
  });
  afterEach(async () => {
    await builder.close();
    for (const shared of opened.splice(0)) await shared.close();
    scratch[Symbol.dispose]();
  });
  const opened: SharedStore[] = [];
  const openShared = (): SharedStore => {
    const shared = openStoreOf(scratch.path('state'));
    opened.push(shared);
    return shared;
  };

  const fs = guardedFs(defaultLimits);
  const open = async (storeBytesMax = 1_000_000) => {
    const located = locate(folder.directory);
    const config = testConfig(scratch.path('state'));
    const store = await ModuleStore.open(scratch.path('state'), {
      journal,
      limits: { ...defaultLimits, storeBytesMax },
    });
    const kept = new KeptModules(located, { config, store, journal, shared: openShared() });
    const record = await kept.restore();
    const judging = {
      fs,
      directory: folder.directory,
      builder,
      reads: new MountReads().forOwner(testOwner),
      modules: await openModules(scratch, { store, builder }),
      owner: testOwner,
      moduleBytesMax: 1_000_000,
      nowMs: () => nowMs,
    };
    modules = new FolderModules(located, {
      limits: defaultLimits,
      kept,
      journal,
      judging,
      onVerdict: () => {
        verdicts += 1;
      },
      onIdle: () => undefined,
      onUnjudged: () => undefined,
    });
    modules.restore(record?.modules.keys() ?? []);
  };
  const look = async () => {
    const listing = await listFolder({ fs, directory: folder.directory, limits: defaultLimits });
    const waitMs = await modules.takeListing(listing, timing);
    await modules.judged();
    return waitMs;
  };
  const served = (path = 'app.wasm') => {
    const module = modules.siteModules(false).get(pathOf(path));
    return module?.kind === 'serving' ? module.digest : module?.kind;
  };
  /** So long after the file was changed, by the file system's own clock. */
  const afterChange = (ageMs: number) => {
    const { mtimeMs, ctimeMs } = statSync(folder.path('app.wasm'));
    nowMs = Math.floor(Math.max(mtimeMs, ctimeMs)) + ageMs;
  };
  /** The file settles and is judged. */
  const deploy = async (guest: string) => {
    folder.put(guest, 'app.wasm');
    afterChange(300);
    expect(await look()).toBe(0);
  };

  test('a fresh file is pending until the quiet time is over', async () => {
    folder.put('v1', 'app.wasm');
    afterChange(0);
    expect(await look()).toBeGreaterThan(0);
    expect([served(), modules.isPending(pathOf('app.wasm')), verdicts]).toEqual([
      undefined,
      true,
      0,
    ]);
    nowMs += 300;
    expect(await look()).toBe(0);
    expect([served(), modules.isPending(pathOf('app.wasm')), verdicts]).toEqual([D1, false, 1]);
    expect(await look()).toBe(0);
    expect(verdicts).toBe(1);
  });

  test('each write begins the quiet time anew; the version before keeps serving', async () => {
    await deploy('v1');
    for (let step = 1; step <= 3; step += 1) {
      folder.write('app.wasm', guestBytes('v2').subarray(0, 202 + step));
      afterChange(200);
      expect(await look()).toBeGreaterThan(0);
      expect(served()).toBe(D1);
    }
    folder.put('v2', 'app.wasm');
    afterChange(299);
    await look();
    expect(served()).toBe(D1);
    nowMs += 1;
    await look();
    expect(served()).toBe(D2);
    expect(journal.matching(/refused/)).toEqual([]);
  });

  test('a file counts as deleted at the second look in a row, a quiet time apart', async () => {
    await deploy('v1');
    folder.remove('app.wasm');
    expect(await look()).toBe(300);
    nowMs += 299;
    expect(await look()).toBe(1);
    expect(served()).toBe(D1);
    nowMs += 1;
    expect(await look()).toBe(0);
    expect(served()).toBeUndefined();
    expect(journal.matching(/module removed/)).toHaveLength(1);
  });

  test('a file that is back in between was never deleted', async () => {
    await deploy('v1');
    folder.remove('app.wasm');
    await look();
    folder.put('v1', 'app.wasm');
    afterChange(250);
    await look();
    folder.remove('app.wasm');
    nowMs += 100;
    await look();
    expect(served()).toBe(D1);
  });

  test('a file cut to nothing is being written, not deleted', async () => {
    await deploy('v1');
    folder.write('app.wasm', '');
    afterChange(300);
    await look();
    nowMs += 1_100;
    await look();
    expect([served(), journal.matching(/refused/).length]).toEqual([D1, 0]);
    nowMs += 200;
    await look();
    expect([served(), journal.matching(/refused.*keeps serving/).length]).toEqual([D1, 1]);
  });

  test('a version that cannot be kept is not served, and is tried again later', async () => {
    await open(300);
    await deploy('v1');
    folder.put('hello', 'app.wasm');
    afterChange(300);
    expect(await look()).toBe(0);
    expect(served()).toBe(D1);
    expect(await look()).toBe(10_000);
    nowMs += 10_000;
    expect(await look()).toBe(0);
    expect(journal.matching(/the store holds at most/)).toHaveLength(1);
  });
});
