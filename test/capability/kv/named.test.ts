/** Key-value stores by name: what later ABIs need of them, and who may reach which. */
import { describe, expect, test } from 'vitest';
import type { KeyValueStore } from '../../../src/capability/kv/contract.ts';
import type { FolderKey, ModulePath } from '../../../src/names.ts';
import { parseSettings } from '../../../src/site/settings.ts';
import { bytes, folderKey, refusal, text, useKeyValue } from './client-bench.ts';

const bench = useKeyValue();
const toml = `
[kv.notes]
[kv.closed]
["granted.wasm".grants]
kv = ["notes"]
["none.wasm".grants]
kv = false`;
const siteSettings = parseSettings(bytes(toml), 10_000);

function openFor(module: string, name: string, folder = folderKey): KeyValueStore | undefined {
  const client = bench.openClient(bench.openWriter());
  const modulePath = module as ModulePath;
  return client.forRun({ folderKey: folder, modulePath, siteSettings }).named(name);
}

function notes(limits = {}): KeyValueStore {
  const client = bench.openClient(bench.openWriter(limits), limits);
  const run = { folderKey, modulePath: 'a.wasm' as ModulePath, siteSettings };
  const store = client.forRun(run).named('notes');
  if (store === undefined) throw new Error('expected the store');
  return store;
}

const put = (key: string, value: string) =>
  ({ key: bytes(key), op: 'put', value: bytes(value) }) as const;

describe('a store by name', () => {
  test('is there for who is granted it, and nothing else is', () => {
    expect(openFor('a.wasm', 'notes')).toBeDefined();
    expect(openFor('granted.wasm', 'notes')).toBeDefined();
    expect(openFor('granted.wasm', 'closed')).toBeUndefined();
    expect(openFor('none.wasm', 'notes')).toBeUndefined();
    expect(openFor('a.wasm', 'unknown')).toBeUndefined();
    expect(openFor('a.wasm', '')).toBeUndefined();
  });

  test('is shared by the modules of its folder, and nobody else', async () => {
    const client = bench.openClient(bench.openWriter());
    const runOf = (folder: FolderKey, module: string) =>
      client.forRun({ folderKey: folder, modulePath: module as ModulePath, siteSettings });
    const mine = runOf(folderKey, 'a.wasm');
    await mine.named('notes')?.change(put('k', 'shared'));
    const read = async (store: KeyValueStore | undefined) =>
      text((await store?.read([bytes('k')]))?.[0]?.value);
    expect(await read(runOf(folderKey, 'b.wasm').named('notes'))).toBe('shared');
    expect(await read(runOf(folderKey, 'b.wasm').named('closed'))).toBeUndefined();
    expect(text(await mine.get(bytes('k')))).toBeUndefined();
    const bob = runOf('/keybase/public/bob' as FolderKey, 'a.wasm');
    expect(await read(bob.named('notes'))).toBeUndefined();
  });

  test('metadata, generations, time to live, add, append, prepend, increment', async () => {
    const store = notes();
    const key = bytes('k');
    const first = await store.change({ ...put('k', '1'), meta: bytes('note') });
    const revision = first.kind === 'done' ? first.revision : 0;
    expect((await store.read([key]))[0]).toEqual({
      ...{ value: bytes('1'), meta: bytes('note'), revision },
    });
    const late = await store.change({ ...put('k', '2'), ifRevision: revision + 1 });
    expect(late).toEqual({ kind: 'conflict', before: revision });
    expect((await store.change({ ...put('k', '2'), op: 'add' })).before).toBe(revision);
    await store.change({ key, op: 'append', value: bytes('+') });
    await store.change({ key, op: 'prepend', value: bytes('-') });
    expect(text((await store.read([key]))[0]?.value)).toBe('-1+');
    await store.change({ ...put('gone', 'x'), ttlMs: 1 });
    await expect.poll(async () => (await store.read([bytes('gone')]))[0]).toBeUndefined();
    const counted = await store.change({ key: bytes('n'), op: 'increment', by: 7n });
    expect(counted).toMatchObject({ number: 7n });
    const word = { key, op: 'increment' } as const;
    await expect(store.change(word)).rejects.toMatchObject(refusal('input', /decimal number/));
  });

  test('lists by prefix and cursor; reads and commits many at once', async () => {
    const store = notes();
    const keys = ['a/1', 'a/2', 'a/3', 'b/1'];
    expect(await store.commit(keys.map((key) => put(key, key)))).toBe(true);
    const page = await store.list({ prefix: bytes('a/'), limit: 2 });
    expect([page.keys.map(text), page.sizes, page.isLast]).toEqual([['a/1', 'a/2'], [3, 3], false]);
    const after = page.keys.at(-1) ?? bytes('');
    const rest = await store.list({ prefix: bytes('a/'), after, limit: 2 });
    expect([rest.keys.map(text), rest.isLast]).toEqual([['a/3'], true]);
    const read = await store.read([bytes('b/1'), bytes('none'), bytes('a/1')]);
    expect(read.map((entry) => text(entry?.value))).toEqual(['b/1', undefined, 'a/1']);
    const conditional = { ...put('b/1', 'x'), ifRevision: 1_000_000 };
    expect(await store.commit([put('a/1', 'x'), conditional])).toBe(false);
    expect(text((await store.read([bytes('a/1')]))[0]?.value)).toBe('a/1');
    const adding = store.commit([{ ...put('c', 'x'), op: 'add' }]);
    await expect(adding).rejects.toMatchObject(refusal('input', /received add$/));
  });

  test('counts operations with those of the other stores of its run', async () => {
    const client = bench.openClient(bench.openWriter(), { kvOperationsPerRunMax: 3 });
    const run = client.forRun({ folderKey, modulePath: 'a.wasm' as ModulePath, siteSettings });
    await run.insert(bytes('k'), bytes('v'));
    await run.named('notes')?.read([bytes('k'), bytes('l')]);
    const one = run.named('closed')?.list({ prefix: bytes(''), limit: 1 });
    await expect(one).rejects.toMatchObject(refusal('limit', /3 times/));
  });

  test('holds as much as a store may, whatever the module has', async () => {
    const store = notes({ kvNamespaceKeysMax: 1 });
    await store.change(put('a', '1'));
    const more = store.change(put('b', '1'));
    await expect(more).rejects.toMatchObject(refusal('limit', /at most 1 keys/));
  });
});
