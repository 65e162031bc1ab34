import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, test } from 'vitest';
import { defaultLimits, type Limits } from '../../../src/config/config.ts';
import { digestBytes } from '../../../src/deploy/build/artifact.ts';
import type { FolderRecord } from '../../../src/deploy/keep/record.ts';
import { readRecords, recordPath } from '../../../src/deploy/keep/record-files.ts';
import { ModuleStore } from '../../../src/deploy/keep/store.ts';
import { type FolderKey, ownerOf } from '../../../src/names.ts';
import type { Digest } from '../../../src/threads/messages.ts';
import { LogBook, pathOf, Scratch } from '../world.ts';

const KEY = '/folder' as FolderKey;
const one = new TextEncoder().encode('the first module');
const two = new TextEncoder().encode('the second module');
const [D1, D2] = [digestBytes(one), digestBytes(two)];

function record(digests: readonly Digest[], folderKey = KEY): FolderRecord {
  const versions = digests.map((digest) => ({
    digest,
    abi: 'terrarium',
    acceptedAtMs: 1,
    bytes: 16,
  }));
  const [newest, ...older] = versions;
  const modules: FolderRecord['modules'] =
    newest === undefined
      ? new Map()
      : new Map([
          [
            pathOf('a.wasm'),
            { versions: [newest, ...older], seen: { digest: newest.digest, stamp: '1' } },
          ],
        ]);
  return { folderKey, directory: '/d', modules };
}

describe('ModuleStore', () => {
  const open = (scratch: Scratch, limits: Partial<Limits> = {}) => {
    const journal = new LogBook();
    return ModuleStore.open(scratch.path('state'), {
      journal,
      limits: { ...defaultLimits, ...limits },
    });
  };
  const filesOf = (scratch: Scratch) =>
    readdirSync(scratch.path('state', 'modules'), { recursive: true })
      .map(String)
      .filter((name) => name.includes('/'));

  test('gives back bytes and record after it was opened again', async () => {
    using scratch = new Scratch();
    await (await open(scratch)).commit(record([D1]), { digest: D1, bytes: one });
    const store = await open(scratch);
    expect(store.has(D1)).toBe(true);
    expect(store.usedBytes).toBe(one.length);
    expect(new TextDecoder().decode(await store.readModule(D1))).toBe('the first module');
    expect(await store.readFolder(KEY)).toMatchObject({ folderKey: KEY });
    expect(await store.readFolder('/other' as FolderKey)).toBeUndefined();
  });

  test('takes the bytes that were written while the module was tried', async () => {
    using scratch = new Scratch();
    const store = await open(scratch);
    const early = store.foresee({ digest: D1, bytes: one });
    // Somebody else has the same one tried.
    await store.foresee({ digest: D1, bytes: one })[Symbol.asyncDispose]();
    expect([store.has(D1), store.usedBytes]).toEqual([false, 0]);
    // These bytes are not written: those before are.
    await store.commit(record([D1]), { digest: D1, bytes: two });
    await early[Symbol.asyncDispose]();
    expect(new TextDecoder().decode(await store.readModule(D1))).toBe('the first module');
    expect(filesOf(scratch)).toEqual([expect.stringMatching(new RegExp(`/${D1}\\.wasm$`))]);
    await store.foresee({ digest: D1, bytes: one })[Symbol.asyncDispose]();
    expect(store.has(D1)).toBe(true);
  });

  test('leaves nothing of a module that was not accepted', async () => {
    using scratch = new Scratch();
    const store = await open(scratch);
    await store.foresee({ digest: D1, bytes: one })[Symbol.asyncDispose]();
    expect(filesOf(scratch)).toEqual([]);
    await store.commit(record([D1]), { digest: D1, bytes: one });
    expect(new TextDecoder().decode(await store.readModule(D1))).toBe('the first module');
  });

  test('writes anew what could not be written early, or is gone', async () => {
    using scratch = new Scratch();
    const store = await open(scratch);
    const shard = scratch.path('state', 'modules', D1.slice(0, 2));
    writeFileSync(shard, 'a file in its way');
    const early = store.foresee({ digest: D1, bytes: one });
    const failing = store.commit(record([D1]), { digest: D1, bytes: one });
    await expect(failing).rejects.toThrow('Cannot keep the module');
    rmSync(shard);
    await store.commit(record([D1]), { digest: D1, bytes: one });
    await early[Symbol.asyncDispose]();
    expect(new TextDecoder().decode(await store.readModule(D1))).toBe('the first module');
    expect(filesOf(scratch)).toHaveLength(1);
  });

  test('revises the record as it is by then, with versions that came in between', async () => {
    using scratch = new Scratch();
    const store = await open(scratch);
    await store.commit(record([D1]), { digest: D1, bytes: one });
    const committing = store.commit(record([D2, D1]), { digest: D2, bytes: two });
    const kept = await store.revise(KEY, (newest) => ({ ...newest, goneAtMs: 7 }));
    await committing;
    expect(kept?.goneAtMs).toBe(7);
    expect(await store.readFolder(KEY)).toEqual(kept);
    expect([store.has(D1), store.has(D2)]).toEqual([true, true]);
    expect(await store.revise(KEY, () => undefined)).toBeUndefined();
    expect(filesOf(scratch)).toEqual([]);
    expect(await store.readFolder(KEY)).toBeUndefined();
  });

  test('reads a record with the commits that are still under way', async () => {
    using scratch = new Scratch();
    const store = await open(scratch);
    await store.commit(record([D1]), { digest: D1, bytes: one });
    const committing = store.commit(record([D2, D1]), { digest: D2, bytes: two });
    expect(await store.readFolder(KEY)).toMatchObject(record([D2, D1]));
    await committing;
  });

  test('keeps what the record on the disk names, whatever the next one will name', async () => {
    using scratch = new Scratch();
    const store = await open(scratch);
    const modules = new Map(record([D1]).modules);
    await store.commit({ ...record([]), modules }, { digest: D1, bytes: one });
    const committing = store.commit({ ...record([]), modules });
    // It is on its way to the disk: now the folder has another version.
    await new Promise((resolve) => setImmediate(resolve));
    for (const [path, module] of record([D2]).modules) modules.set(path, module);
    await committing;
    const [kept] = await readRecords(scratch.path('state'), new LogBook());
    expect(kept?.modules.get(pathOf('a.wasm'))?.versions[0].digest).toBe(D1);
    expect(new TextDecoder().decode(await store.readModule(D1))).toBe('the first module');
  });

  test.each<readonly [what: string, damage: (path: string) => void]>([
    ['a directory', (path) => mkdirSync(path)],
    ['nothing', (path) => writeFileSync(path, '')],
    ['garbage', (path) => writeFileSync(path, '{"half":')],
    ['more than a record may be', (path) => writeFileSync(path, ' '.repeat(17 * 1024 ** 2))],
  ])('puts %s in place of a record aside, and loses nothing', async (_what, damage) => {
    using scratch = new Scratch();
    const path = recordPath(scratch.path('state'), KEY);
    await (await open(scratch)).commit(record([D1]), { digest: D1, bytes: one });
    const whole = readFileSync(path);
    rmSync(path);
    damage(path);
    const journal = new LogBook();
    const limits = { ...defaultLimits };
    const store = await ModuleStore.open(scratch.path('state'), { journal, limits });
    const [name] = readdirSync(scratch.path('state', 'folders'));
    expect(name).toMatch(/\.json\.damaged-\d+$/);
    const [entry] = journal.matching(/Cannot use the record/);
    expect(entry?.fields).toEqual({
      file: path,
      reason: expect.stringContaining(`; it lies at ${scratch.path('state', 'folders')}/${name}`),
    });
    // Its versions are here still, in case it is put right.
    expect(filesOf(scratch)).toEqual([`${D1.slice(0, 2)}/${D1}.wasm`]);
    await store.commit(record([D2]), { digest: D2, bytes: two });
    expect(await store.readFolder(KEY)).toMatchObject({ folderKey: KEY });
    writeFileSync(path, whole);
    expect((await open(scratch)).has(D1)).toBe(true);
  });

  test('puts a record aside that is damaged while it runs', async () => {
    using scratch = new Scratch();
    const store = await open(scratch);
    mkdirSync(recordPath(scratch.path('state'), KEY));
    expect(await store.readFolder(KEY)).toBeUndefined();
    await store.commit(record([D1]), { digest: D1, bytes: one });
    expect(await store.readFolder(KEY)).toMatchObject({ folderKey: KEY });
  });

  test('replaces no record that the system does not let it read', async () => {
    using scratch = new Scratch();
    const path = recordPath(scratch.path('state'), KEY);
    await (await open(scratch)).commit(record([D1]), { digest: D1, bytes: one });
    rmSync(path);
    symlinkSync(path, path);
    await expect(open(scratch)).rejects.toMatchObject({
      code: 'state',
      message: expect.stringContaining('ELOOP'),
    });
    expect(readdirSync(scratch.path('state', 'folders'))).toHaveLength(1);
    expect(filesOf(scratch)).toEqual([`${D1.slice(0, 2)}/${D1}.wasm`]);
  });

  test('deletes what no record names any more, unless another folder names it', async () => {
    using scratch = new Scratch();
    const other = '/other' as FolderKey;
    const store = await open(scratch);
    await store.commit(record([D1]), { digest: D1, bytes: one });
    await store.commit(record([D1], other), { digest: D1, bytes: one });
    await store.commit(record([D2]), { digest: D2, bytes: two });
    expect([store.has(D1), store.has(D2)]).toEqual([true, true]);
    await store.commit(record([], other));
    expect([store.has(D1), store.has(D2)]).toEqual([false, true]);
    expect(store.usedBytes).toBe(two.length);
    expect(filesOf(scratch)).toEqual([`${D2.slice(0, 2)}/${D2}.wasm`]);
  });

  test('deletes leftovers when it is opened, and nothing else', async () => {
    using scratch = new Scratch();
    await (await open(scratch)).commit(record([D1]), { digest: D1, bytes: one });
    const shard = scratch.path('state', 'modules', D1.slice(0, 2));
    writeFileSync(`${shard}/.${D1}.wasm.123.unfinished`, 'half');
    writeFileSync(`${shard}/${D2}.wasm`, two);
    writeFileSync(scratch.path('state', 'folders', '.x.json.1.unfinished'), 'half');
    mkdirSync(scratch.path('state', 'kv'));
    writeFileSync(scratch.path('state', 'modules', 'README'), 'somebody put it here');
    await open(scratch);
    expect(readdirSync(shard)).toEqual([`${D1}.wasm`]);
    expect(readdirSync(scratch.path('state', 'folders'))).toHaveLength(1);
    expect(existsSync(scratch.path('state', 'kv'))).toBe(true);
    expect(existsSync(scratch.path('state', 'modules', 'README'))).toBe(true);
  });

  test('refuses to hand out bytes that are not what their name says; deletes them', async () => {
    using scratch = new Scratch();
    await (await open(scratch)).commit(record([D1]), { digest: D1, bytes: one });
    writeFileSync(scratch.path('state', 'modules', D1.slice(0, 2), `${D1}.wasm`), 'other bytes');
    const store = await open(scratch);
    await expect(store.readModule(D1)).rejects.toMatchObject({ code: 'state' });
    expect(store.has(D1)).toBe(false);
    await expect(store.readModule(D1)).rejects.toMatchObject({ code: 'state' });
    await store.commit(record([D1]), { digest: D1, bytes: one });
    expect(await store.readModule(D1)).toEqual(one);
  });

  test('logs and leaves out a record that cannot be read', async () => {
    using scratch = new Scratch();
    await (await open(scratch)).commit(record([D1]), { digest: D1, bytes: one });
    const path = recordPath(scratch.path('state'), KEY);
    writeFileSync(path, '{"format":1,');
    const journal = new LogBook();
    const store = await ModuleStore.open(scratch.path('state'), { journal, limits: defaultLimits });
    expect(await store.readFolder(KEY)).toBeUndefined();
    expect(await readRecords(scratch.path('state'), journal)).toEqual([]);
    expect(journal.matching(/Cannot use the record/).length).toBeGreaterThan(0);
  });

  test('a record larger than any of ours is not read', async () => {
    using scratch = new Scratch();
    const store = await open(scratch);
    await store.commit(record([D1]), { digest: D1, bytes: one });
    const path = recordPath(scratch.path('state'), KEY);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text + ' '.repeat(16 * 1024 ** 2 - text.length));
    expect(await store.readFolder(KEY)).toBeDefined();
    appendFileSync(path, ' ');
    expect(await store.readFolder(KEY)).toBeUndefined();
  });

  test('storeBytesMax: refuses what does not fit and keeps the record before', async () => {
    using scratch = new Scratch();
    const store = await open(scratch, { storeBytesMax: one.length + two.length - 1 });
    await store.commit(record([D1]), { digest: D1, bytes: one });
    await expect(store.commit(record([D2, D1]), { digest: D2, bytes: two })).rejects.toMatchObject({
      code: 'state',
      message: expect.stringMatching(/at most 32 bytes/),
    });
    const kept = await store.readFolder(KEY);
    expect(kept?.modules.get(pathOf('a.wasm'))?.versions[0].digest).toBe(D1);
    expect(store.usedBytes).toBe(one.length);
  });

  test('storeOwnerBytesMax: is a quota over the folders of one owner', async () => {
    using scratch = new Scratch();
    const store = await open(scratch, { storeOwnerBytesMax: one.length + 1 });
    const [first, second] = ['/keybase/public/a/x', '/keybase/public/a/y'] as FolderKey[];
    await store.commit(record([D1], first), { digest: D1, bytes: one });
    const refused = store.commit(record([D2], second), { digest: D2, bytes: two });
    await expect(refused).rejects.toThrow(/of one owner's modules have at most 17 bytes/);
    const other = '/keybase/public/b' as FolderKey;
    await store.commit(record([D2], other), { digest: D2, bytes: two });
    expect(store.bytesOf(ownerOf(other))).toBe(two.length);
  });

  test('storeOwnerBytesMax: is one over commits that come at once', async () => {
    using scratch = new Scratch();
    const store = await open(scratch, { storeOwnerBytesMax: one.length + two.length - 1 });
    const [first, second] = ['/keybase/public/a/x', '/keybase/public/a/y'] as FolderKey[];
    const outcomes = await Promise.allSettled([
      store.commit(record([D1], first), { digest: D1, bytes: one }),
      store.commit(record([D2], second), { digest: D2, bytes: two }),
      store.commit(record([D2], '/keybase/public/b' as FolderKey), { digest: D2, bytes: two }),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(store.usedBytes).toBe(one.length + two.length);
    expect(await store.readModule(D2)).toEqual(two);
  });

  test('of records of one folder that come at once the last one holds', async () => {
    using scratch = new Scratch();
    const store = await open(scratch);
    await Promise.all([
      store.commit(record([D1]), { digest: D1, bytes: one }),
      store.commit(record([D2, D1]), { digest: D2, bytes: two }),
      store.commit(record([D2])),
    ]);
    const kept = await store.readFolder(KEY);
    expect(kept?.modules.get(pathOf('a.wasm'))?.versions.map(({ digest }) => digest)).toEqual([D2]);
    expect([store.has(D1), store.has(D2)]).toEqual([false, true]);
    expect(filesOf(scratch)).toEqual([`${D2.slice(0, 2)}/${D2}.wasm`]);
  });

  test('what one folder names from now on stays, though another drops it meanwhile', async () => {
    using scratch = new Scratch();
    const store = await open(scratch);
    await store.commit(record([D1]), { digest: D1, bytes: one });
    await Promise.all([
      store.commit(record([D2]), { digest: D2, bytes: two }),
      store.commit(record([D1], '/other' as FolderKey), { digest: D1, bytes: one }),
    ]);
    expect(await store.readModule(D1)).toEqual(one);
  });

  test('leaves room in the store for other owners', async () => {
    using scratch = new Scratch();
    const store = await open(scratch, { storeBytesMax: 100 });
    const put = async (owner: string): Promise<number> => {
      for (let count = 0; ; count += 1) {
        const bytes = new TextEncoder().encode(`${owner} ${count}`.padEnd(10));
        const digest = digestBytes(bytes);
        const key = `/shared/${owner}/${count}` as FolderKey;
        try {
          await store.commit(record([digest], key), { digest, bytes });
        } catch {
          return count;
        }
      }
    };
    expect([await put('mallory'), await put('bob'), await put('carol')]).toEqual([6, 3, 1]);
  });

  test('forgets a folder with all that nobody else names, for good', async () => {
    using scratch = new Scratch();
    const store = await open(scratch);
    const other = '/other' as FolderKey;
    await store.commit(record([D1]), { digest: D1, bytes: one });
    await store.commit(record([D2, D1]), { digest: D2, bytes: two });
    await store.commit(record([D1], other));
    await store.revise(KEY, () => undefined);
    expect([store.has(D1), store.has(D2)]).toEqual([true, false]);
    const again = await open(scratch);
    expect(await again.readFolder(KEY)).toBeUndefined();
    expect(again.usedBytes).toBe(one.length);
  });

  test('commits of many folders at once are all there', async () => {
    using scratch = new Scratch();
    const store = await open(scratch);
    const keys = Array.from({ length: 20 }, (_, index) => `/f${index}` as FolderKey);
    await Promise.all(
      keys.map((key) => store.commit(record([D1], key), { digest: D1, bytes: one })),
    );
    const again = await open(scratch);
    const found = await Promise.all(keys.map((key) => again.readFolder(key)));
    expect(found.filter((each) => each !== undefined)).toHaveLength(20);
    expect(again.usedBytes).toBe(one.length);
  });
});
