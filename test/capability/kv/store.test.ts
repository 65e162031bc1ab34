import { statSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, test } from 'vitest';
import type {
  WriteAnswer,
  WriteOperation,
  WriteRequest,
} from '../../../src/capability/kv/messages.ts';
import { entryBytes } from '../../../src/capability/kv/owners.ts';
import { KeyValueStore } from '../../../src/capability/kv/store.ts';
import { defaultLimits, type Limits } from '../../../src/config/config.ts';
import { type FolderKey, type ModulePath, ownerOf } from '../../../src/names.ts';
import { bytes, folderKey, modulePath, useKeyValue } from './client-bench.ts';

const bench = useKeyValue();
const owner = ownerOf(folderKey);
const subFolder = `${folderKey}/sub` as FolderKey;
const opened: KeyValueStore[] = [];

afterEach(() => {
  for (const store of opened.splice(0)) store.close();
});

function open(limits: Partial<Limits> = {}): KeyValueStore {
  const store = new KeyValueStore({
    databasePath: bench.databasePath,
    synchronous: 'normal',
    limits: { ...defaultLimits, ...limits },
  });
  opened.push(store);
  return store;
}

function ask(
  operation: WriteOperation,
  key: string,
  value: string | Uint8Array<ArrayBuffer> = '',
  id = 0,
): WriteRequest {
  const given = typeof value === 'string' ? bytes(value) : value;
  return { id, operation, folderKey, modulePath, key: bytes(key), value: given };
}

function pragma(name: string): unknown {
  const database = new DatabaseSync(bench.databasePath, { readOnly: true });
  const value = Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
  database.close();
  return value;
}

function goneAt(): unknown[] {
  const database = new DatabaseSync(bench.databasePath, { readOnly: true });
  const rows = database.prepare('SELECT gone_at_ms FROM namespaces').all();
  database.close();
  return rows.map((row) => row.gone_at_ms);
}

function reasonOf(answer: WriteAnswer | undefined): string {
  return answer !== undefined && 'refusal' in answer ? answer.refusal.message : 'no refusal';
}

/** The counters as stored, and as counted afresh: they must never differ. */
function counters(): unknown {
  const database = new DatabaseSync(bench.databasePath, { readOnly: true });
  const kept = database.prepare('SELECT bytes, keys FROM namespaces').all();
  const counted = database
    .prepare(
      `SELECT coalesce(sum(length(key) + length(value)), 0) AS bytes, count(*) AS keys
       FROM entries`,
    )
    .all();
  database.close();
  expect(kept).toEqual(counted);
  return { ...kept[0] };
}

describe('limits of a namespace', () => {
  test('kvNamespaceKeysMax: overwriting is allowed, one key more is not, removing frees', () => {
    const store = open({ kvNamespaceKeysMax: 2 });
    store.apply([ask('insert', 'a'), ask('append', 'b')]);
    const [third, overwritten] = store.apply([ask('insert', 'c'), ask('insert', 'a', 'x')]);
    expect(reasonOf(third)).toMatch(/at most 2 keys/);
    expect(overwritten).toEqual({ id: 0, wasPresent: true });
    const [, again] = store.apply([ask('remove', 'b'), ask('insert-if-absent', 'c')]);
    expect(again).toEqual({ id: 0, wasPresent: false });
    expect(counters()).toEqual({ bytes: 3, keys: 2 });
  });

  test('kvNamespaceBytesMax counts keys and values; what shrinks is always allowed', () => {
    open({ kvNamespaceBytesMax: 10 }).apply([ask('insert', 'a', '123456789')]);
    expect(counters()).toEqual({ bytes: 10, keys: 1 });
    const store = open({ kvNamespaceBytesMax: 4 });
    expect(reasonOf(store.apply([ask('insert', 'b')])[0])).toMatch(/at most 4 bytes/);
    expect(reasonOf(store.apply([ask('append', 'a', '1')])[0])).toMatch(/at most 4 bytes/);
    expect(store.apply([ask('insert', 'a', '12345')])).toEqual([{ id: 0, wasPresent: true }]);
    expect(store.apply([ask('append', 'a', '')])).toEqual([{ id: 0, wasPresent: true }]);
    expect(store.apply([ask('remove', 'a')])).toEqual([{ id: 0, wasPresent: true }]);
    expect(counters()).toEqual({ bytes: 0, keys: 0 });
  });

  test('kvValueBytesMax holds for what appending leads to', () => {
    const store = open({ kvValueBytesMax: 4 });
    store.apply([ask('append', 'a', '12'), ask('append', 'a', '34')]);
    expect(reasonOf(store.apply([ask('append', 'a', '5')])[0])).toMatch(
      /at most 4 bytes.* 5 bytes/,
    );
    expect(counters()).toEqual({ bytes: 5, keys: 1 });
  });

  test('one namespace full does not refuse another', () => {
    const store = open({ kvNamespaceKeysMax: 1 });
    const other = { ...ask('insert', 'b'), modulePath: 'other.wasm' as ModulePath };
    const answers = store.apply([ask('insert', 'a'), ask('insert', 'b', '', 1), other]);
    expect(answers.map((answer) => 'refusal' in answer)).toEqual([false, true, false]);
  });
});

describe('a transaction', () => {
  test('answers in order, each request seeing those before it', () => {
    const answers = open().apply([
      ask('insert-if-absent', 'a', '1', 1),
      ask('insert-if-absent', 'a', '2', 2),
      ask('remove', 'a', '', 3),
      ask('append', 'a', '3', 4),
    ]);
    expect(answers).toEqual([
      { id: 1, wasPresent: false },
      { id: 2, wasPresent: true },
      { id: 3, wasPresent: true },
      { id: 4, wasPresent: false },
    ]);
  });

  test('a full file refuses what does not fit, and nothing else of the same transaction', () => {
    // A key stands in the file twice, and counts once.
    const store = open({ kvBytesMax: 310 * 1024 });
    store.apply([ask('insert', 'small', 'x')]);
    const answers = store.apply([
      ask('insert', 'before', 'x', 1),
      ask('insert', 'l'.repeat(150 * 1024), '', 2),
      ask('remove', 'small', '', 3),
    ]);
    expect(answers[0]).toEqual({ id: 1, wasPresent: false });
    expect(reasonOf(answers[1])).toMatch(/writing failed: .*full/);
    expect(answers[2]).toEqual({ id: 3, wasPresent: true });
    expect(counters()).toEqual({ bytes: 7, keys: 1 });
  });
});

describe('the file', () => {
  test('is readable by nobody else', () => {
    open().apply([ask('insert', 'a')]);
    for (const suffix of ['', '-wal']) {
      expect(statSync(`${bench.databasePath}${suffix}`).mode & 0o777).toBe(0o600);
    }
  });

  test('keeps its entries when opened again', () => {
    open().apply([ask('insert', 'a', '1')]);
    opened.pop()?.close();
    expect(open().apply([ask('insert-if-absent', 'a')])).toEqual([{ id: 0, wasPresent: true }]);
  });

  test('is refused when it is not a database', () => {
    writeFileSync(
      bench.databasePath,
      'not a database, but long enough to have a header\n'.repeat(9),
    );
    expect(() => open()).toThrow(/not a database/);
  });

  test('is refused when a later release wrote it', () => {
    const database = new DatabaseSync(bench.databasePath);
    database.exec('PRAGMA user_version = 3');
    database.close();
    expect(() => open()).toThrow('its format is version 3, this release knows 2');
  });

  test('of the first release gets owners, and can shrink', () => {
    const database = new DatabaseSync(bench.databasePath);
    database.exec(`
      CREATE TABLE namespaces (
        id INTEGER PRIMARY KEY, folder_key TEXT NOT NULL, module_path TEXT NOT NULL,
        bytes INTEGER NOT NULL, keys INTEGER NOT NULL, UNIQUE (folder_key, module_path)
      ) STRICT;
      CREATE TABLE entries (
        namespace INTEGER NOT NULL REFERENCES namespaces (id), key BLOB NOT NULL,
        value BLOB NOT NULL, PRIMARY KEY (namespace, key)
      ) STRICT;
      INSERT INTO namespaces VALUES (1, '${folderKey}/sub', '${modulePath}', 3, 1);
      INSERT INTO entries VALUES (1, x'61', x'6263');
      PRAGMA user_version = 1;`);
    database.close();
    const store = open();
    expect(store.bytesOf(owner)).toBe(3 + entryBytes);
    const request = { ...ask('insert-if-absent', 'a'), folderKey: subFolder };
    expect(store.apply([request])).toEqual([{ id: 0, wasPresent: true }]);
    expect(pragma('auto_vacuum')).toBe(2);
  });
});

describe('an owner', () => {
  test('kvOwnerBytesMax: has a quota over all modules of all folders, which removing frees', () => {
    const store = open({ kvOwnerBytesMax: 300 });
    const value = 'x'.repeat(100);
    const other = { ...ask('insert', 'a', value), folderKey: subFolder };
    const [first] = store.apply([ask('insert', 'a', value)]);
    expect(first).toEqual({ id: 0, wasPresent: false });
    expect(reasonOf(store.apply([other])[0])).toMatch(/one owner store at most 300 bytes/);
    expect(reasonOf(store.apply([ask('append', 'a', value + value)])[0])).toMatch(/at most 300/);
    store.apply([ask('remove', 'a')]);
    expect(store.bytesOf(owner)).toBe(0);
    expect(store.apply([other])).toEqual([{ id: 0, wasPresent: false }]);
    expect(store.bytesOf(owner)).toBe(101 + entryBytes);
  });

  test('is counted right when the file is opened again, and after a refusal', () => {
    const store = open({ kvNamespaceKeysMax: 1 });
    store.apply([ask('insert', 'a', '12'), ask('insert', 'b', '12')]);
    expect(store.bytesOf(owner)).toBe(3 + entryBytes);
    opened.pop()?.close();
    expect(open().bytesOf(owner)).toBe(3 + entryBytes);
  });

  test('gets no more of the file than is left for the others', () => {
    const store = open({ kvBytesMax: 1_000_000, kvNamespaceBytesMax: 1_000_000 });
    const piece = new Uint8Array(50_000);
    const put = (key: string, folder: FolderKey): boolean =>
      'wasPresent' in (store.apply([{ ...ask('insert', key, piece), folderKey: folder }])[0] ?? {});
    const stored = (folder: FolderKey): number => {
      let count = 0;
      while (put(`${count}`, folder)) count += 1;
      return count;
    };
    const mallory = stored(folderKey);
    expect(mallory).toBeGreaterThanOrEqual(9);
    expect(mallory).toBeLessThanOrEqual(11);
    expect(stored('/keybase/public/bob' as FolderKey)).toBeGreaterThanOrEqual(3);
    expect(put('last', '/keybase/public/carol' as FolderKey)).toBe(true);
  });
});

describe('reclaim', () => {
  test('takes a forgotten namespace away step by step, and gives the disk its pages back', () => {
    const store = open();
    const piece = new Uint8Array(100_000);
    for (let n = 0; n < 100; n += 1) store.apply([ask('insert', `${n}`, piece)]);
    const kept = { ...ask('insert', 'k', 'v'), modulePath: 'other.wasm' as ModulePath };
    store.apply([kept]);
    const pagesBefore = Number(pragma('page_count'));
    const { reclaim } = store;
    reclaim.note([{ folderKey, modulePath, change: 'forgotten', atMs: 0 }]);
    let steps = 0;
    for (; reclaim.isDue; steps += 1) reclaim.step();
    expect(steps).toBeGreaterThan(10);
    expect(store.bytesOf(owner)).toBe(2 + entryBytes);
    expect(pragma('page_count')).toBeLessThan(pagesBefore / 2);
    const request = { ...ask('insert-if-absent', 'k'), modulePath: 'other.wasm' as ModulePath };
    expect(store.apply([request])).toEqual([{ id: 0, wasPresent: true }]);
    expect(counters()).toEqual({ bytes: 2, keys: 1 });
  });

  test('remembers since when a module has been gone, over a restart', () => {
    const store = open();
    store.apply([ask('insert', 'a')]);
    const name = { folderKey, modulePath };
    store.reclaim.note([{ ...name, change: 'gone', atMs: 5 }]);
    expect(goneAt()).toEqual([5]);
    store.reclaim.note([{ ...name, change: 'back', atMs: 6 }]);
    expect(goneAt()).toEqual([null]);
  });
});
