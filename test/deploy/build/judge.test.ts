import { closeSync, openSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import { digestBytes } from '../../../src/deploy/build/artifact.ts';
import { Builder } from '../../../src/deploy/build/builder.ts';
import { type JudgeParts, judge, judgeFile } from '../../../src/deploy/build/judge.ts';
import type { Modules } from '../../../src/deploy/build/modules.ts';
import { ModuleStore } from '../../../src/deploy/keep/store.ts';
import { MountReads } from '../../../src/deploy/look/mount-gates.ts';
import { type ListedFile, lookAtFile } from '../../../src/deploy/look/scan.ts';
import { OpenWriters } from '../../../src/outside/mount/open-writers.ts';
import { findSection, readSections, SectionId } from '../../../src/wasm/binary/sections.ts';
import { guestBytes, TestFolder } from '../../support/folder.ts';
import { guardedFs, testOwner } from '../../support/guarded-fs.ts';
import { LogBook, openModules, pathOf, Scratch } from '../world.ts';

describe('judgeFile()', () => {
  let scratch: Scratch;
  let folder: TestFolder;
  let parts: JudgeParts;
  let onJudged: () => void;

  beforeEach(async () => {
    scratch = new Scratch();
    folder = new TestFolder(scratch.directory);
    const store = await ModuleStore.open(scratch.path('state'), {
      journal: new LogBook(),
      limits: defaultLimits,
    });
    onJudged = () => undefined;
    const builder = new Builder({ limits: defaultLimits, onJudged: () => onJudged() });
    parts = {
      fs: guardedFs(defaultLimits),
      directory: folder.directory,
      builder,
      reads: new MountReads().forOwner(testOwner),
      modules: await openModules(scratch, { store, builder }),
      owner: testOwner,
      moduleBytesMax: 10_000,
      nowMs: () => 77,
    };
  });
  afterEach(async () => {
    await parts.builder.close();
    scratch[Symbol.dispose]();
  });

  const list = async (name = 'app.wasm'): Promise<ListedFile> => {
    const file = await lookAtFile(parts, pathOf(name));
    if (typeof file === 'string') throw new Error(file);
    return file;
  };

  test('accepts a good file with its bytes', async () => {
    folder.put('v1', 'app.wasm');
    expect(await judgeFile(await list(), new Set(), parts)).toMatchObject({
      kind: 'accepted',
      version: { digest: digestBytes(guestBytes('v1')), abi: 'terrarium', acceptedAtMs: 77 },
      bytes: Uint8Array.from(guestBytes('v1')),
    });
  });

  test('recognises known content', async () => {
    folder.put('v1', 'app.wasm');
    const known = new Set([digestBytes(guestBytes('v1'))]);
    expect(await judgeFile(await list(), known, parts)).toMatchObject({ kind: 'known' });
  });

  test.each([
    ['written in place', () => folder.put('v2', 'app.wasm')],
    ['replaced', () => folder.replace('app.wasm', guestBytes('v2'))],
    ['cut', () => folder.write('app.wasm', guestBytes('v1').subarray(0, 50))],
    ['deleted', () => folder.remove('app.wasm')],
    ['grown beyond the limit', () => folder.write('app.wasm', new Uint8Array(10_001))],
  ])('says changed for a file that was %s since it was listed', async (_, change) => {
    folder.put('v1', 'app.wasm');
    const file = await list();
    change();
    expect(await judgeFile(file, new Set(), parts)).toEqual({ kind: 'changed' });
  });

  test('does not follow a link that was swapped in since the file was listed', async () => {
    writeFileSync(scratch.path('secret.wasm'), guestBytes('v2'));
    folder.put('v1', 'app.wasm');
    folder.put('v1', 'real.wasm');
    const file = await list();
    unlinkSync(folder.path('app.wasm'));
    symlinkSync(scratch.path('secret.wasm'), folder.path('app.wasm'));
    expect(await judgeFile(file, new Set(), parts)).toEqual({ kind: 'changed' });
    unlinkSync(folder.path('app.wasm'));
    symlinkSync('real.wasm', folder.path('app.wasm'));
    const link = await list();
    unlinkSync(folder.path('app.wasm'));
    symlinkSync(scratch.path('secret.wasm'), folder.path('app.wasm'));
    expect(await judgeFile(link, new Set(), parts)).toEqual({ kind: 'changed' });
  });

  test('lets others be read while one is compiled, where that takes long', async () => {
    const { promise: tried, resolve: endTrial } = Promise.withResolvers<never>();
    const modules = { admit: () => tried } as unknown as Modules;
    const slow = ['v1', 'v2'].map(async (name) => {
      folder.put(name, `${name}.wasm`);
      return await judgeFile(await list(`${name}.wasm`), new Set(), { ...parts, modules });
    });
    folder.put('hello', 'app.wasm');
    const quick = await judgeFile(await list(), new Set(), parts);
    expect(quick.kind).toBe('accepted');
    endTrial(undefined as never);
    expect((await Promise.all(slow)).map(({ kind }) => kind)).toEqual(['accepted', 'accepted']);
  });

  test('is no verdict when the builder has no room', async () => {
    folder.put('v1', 'app.wasm');
    const builder = new Builder({ limits: defaultLimits, queuedBuildsMax: 0 });
    expect(await judgeFile(await list(), new Set(), { ...parts, builder })).toMatchObject({
      kind: 'postponed',
    });
    await builder.close();
  });

  test('moduleBytesMax: refuses a larger file without reading it', async () => {
    folder.write('app.wasm', new Uint8Array(10_001));
    const verdict = await judgeFile(await list(), new Set(), parts);
    expect(verdict).toMatchObject({ kind: 'refused', digest: undefined });
    expect(JSON.stringify(verdict)).toMatch(/at most 10000 bytes: received 10001 bytes/);
  });

  describe.skipIf(OpenWriters.open() === undefined)('of a file that has not settled', () => {
    const early = { quietClosedMs: 1, settledAgeMs: 3_600_000 };
    const judgeNow = async (): Promise<unknown> => {
      const now = { ...parts, writers: OpenWriters.open(), nowMs: Date.now };
      return await judge(await list(), new Set(), { ...now, early });
    };

    test('accepts a good one that nobody has open for writing', async () => {
      folder.put('v1', 'app.wasm');
      expect(await judgeNow()).toMatchObject({ kind: 'accepted' });
    });

    test('has no verdict while it is open for writing', async () => {
      folder.put('v1', 'app.wasm');
      const writer = openSync(folder.path('app.wasm'), 'r+');
      expect(await judgeNow()).toEqual({ kind: 'changed' });
      closeSync(writer);
      expect(await judgeNow()).toMatchObject({ kind: 'accepted' });
    });

    test('has no verdict where the system cannot be asked', async () => {
      folder.put('v1', 'app.wasm');
      const asked = { ...parts, writers: undefined, early };
      expect(await judge(await list(), new Set(), asked)).toEqual({ kind: 'changed' });
    });

    test('refuses none: it may be a part', async () => {
      writeFileSync(folder.path('app.wasm'), guestBytes('v1').subarray(0, 20));
      expect(await judgeNow()).toEqual({ kind: 'changed' });
    });

    test('accepts none that ends where its data would begin', async () => {
      const whole = guestBytes('v1');
      const data = findSection(readSections(whole), SectionId.data);
      const part = whole.subarray(0, data?.offset);
      expect(WebAssembly.validate(Uint8Array.from(part))).toBe(true);
      expect(part.length).toBeLessThan(whole.length);
      folder.write('app.wasm', part);
      expect(await judgeNow()).toEqual({ kind: 'changed' });
      // Once it has settled it is what the owner has.
      expect(await judgeFile(await list(), new Set(), parts)).toMatchObject({ kind: 'accepted' });
    });

    test('has no verdict when it is written while it is judged', async () => {
      folder.put('v1', 'app.wasm');
      onJudged = () => folder.put('v2', 'app.wasm');
      expect(await judgeNow()).toEqual({ kind: 'changed' });
    });
  });
});
