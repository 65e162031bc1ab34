import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StoreSeeds } from '../../../src/deploy/folder/seeds.ts';
import { openStoreOf } from '../../../src/deploy/keep/pins.ts';
import type { FolderKey } from '../../../src/names.ts';
import { type Change, type SharedStore, StoreError } from '../../../src/outside/store/contract.ts';
import { namedSpace, seedSpace } from '../../../src/outside/store/spaces.ts';
import type { Seeds } from '../../../src/site/fastly/resolve.ts';
import { Scratch } from '../world.ts';

const folderKey = '/keybase/public/alice' as FolderKey;
const space = namedSpace(folderKey, 'notes');
const wait = { deadlineMs: 10_000 };

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');
}

function seedsOf(values: Readonly<Record<string, string>>, metadata?: string): Seeds {
  const entries = Object.entries(values).map(
    ([key, value]) =>
      [
        key,
        { value: Buffer.from(value), ...(metadata === undefined ? {} : { metadata }) },
      ] as const,
  );
  return new Map([['notes', new Map(entries)]]);
}

describe('StoreSeeds', () => {
  let scratch: Scratch;
  let store: SharedStore;
  let seeds: StoreSeeds;

  beforeEach(() => {
    scratch = new Scratch();
    store = openStoreOf(scratch.directory);
    seeds = new StoreSeeds(store);
  });
  afterEach(async () => {
    await store.close();
    scratch[Symbol.dispose]();
  });

  const sow = (values: Readonly<Record<string, string>>, metadata?: string) =>
    seeds.sow(folderKey, seedsOf(values, metadata));
  const at = async (key: string): Promise<string | undefined> => {
    const [entry] = await store.read(space, [Buffer.from(key)]);
    return textOf(entry?.value);
  };
  const change = (key: string, more: Omit<Change, 'key'>) =>
    store.change(space, { key: Buffer.from(key), ...more }, wait);

  test('are there, with their metadata, and stay as they are', async () => {
    expect(await sow({ a: 'one', b: '' }, 'm')).toEqual({ notes: [], isDone: true });
    const [entry] = await store.read(space, [Buffer.from('a')]);
    expect([textOf(entry?.value), textOf(entry?.meta)]).toEqual(['one', 'm']);
    expect(await at('b')).toBe('');
    await sow({ a: 'one', b: '' }, 'm');
    const [again] = await store.read(space, [Buffer.from('a')]);
    expect(again?.revision).toBe(entry?.revision);
  });

  test('follow the file while nobody has touched them', async () => {
    await sow({ a: 'one', b: 'two' });
    await sow({ a: 'three' });
    expect([await at('a'), await at('b')]).toEqual(['three', undefined]);
    await sow({ a: 'three', b: 'two' });
    expect(await at('b')).toBe('two');
  });

  test('leave what guests have written or deleted, whatever the file says later', async () => {
    await change('mine', { op: 'put', value: Buffer.from('before') });
    await sow({ mine: 'seed', written: 'seed', deleted: 'seed', both: 'seed' });
    await change('written', { op: 'append', value: Buffer.from('+') });
    await change('deleted', { op: 'delete' });
    await change('both', { op: 'put', value: Buffer.from('x') });
    for (const version of ['seed', 'next', 'last']) {
      await sow({ mine: version, written: version, deleted: version, both: version });
      expect(await at('mine')).toBe('before');
      expect(await at('written')).toBe('seed+');
      expect(await at('deleted')).toBeUndefined();
      if (version === 'next') await change('both', { op: 'delete' });
    }
    expect(await at('both')).toBeUndefined();
    await sow({});
    expect(await at('written')).toBe('seed+');
  });

  test('know a seed again that was stored and not noted', async () => {
    await change('a', { op: 'put', value: Buffer.from('one') });
    await sow({ a: 'one' });
    await sow({ a: 'two' });
    expect(await at('a')).toBe('two');
  });

  test('of hundreds of keys are there and listed, without what is noted of them', async () => {
    const values = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`k${n}`, `${n}`]));
    await sow(values);
    const { items } = await store.list(space, { prefix: new Uint8Array(0), limit: 1_000 });
    expect(items).toHaveLength(300);
    await sow({});
    const left = await store.list(space, { prefix: new Uint8Array(0), limit: 1_000 });
    const noted = await store.list(seedSpace(folderKey, 'notes'), {
      prefix: new Uint8Array(0),
      limit: 1_000,
    });
    expect([left.items.length, noted.items.length]).toEqual([0, 0]);
  });

  test('that cannot be stored are told, and tried again where the store is away', async () => {
    const failing = (kind: 'limit' | 'unavailable'): StoreSeeds =>
      new StoreSeeds({
        read: (...args) => store.read(...args),
        list: (...args) => store.list(...args),
        commit: (...args) => store.commit(...args),
        change: () => Promise.reject(new StoreError(kind, 'Cannot store: no')),
      });
    const full = await failing('limit').sow(folderKey, seedsOf({ a: '1' }));
    expect(full).toMatchObject({ isDone: true, notes: [expect.stringContaining('notes')] });
    const away = await failing('unavailable').sow(folderKey, seedsOf({ a: '1' }));
    expect(away.isDone).toBe(false);
  });
});
