import { statSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, test } from 'vitest';
import { defaultLimits, type Limits } from '../../../src/config/config.ts';
import { type FolderKey, type ModulePath, ownerOf } from '../../../src/names.ts';
import type { Change } from '../../../src/outside/store/contract.ts';
import type { WriteAnswer, WriteRequest } from '../../../src/outside/store/messages.ts';
import { moduleSpace } from '../../../src/outside/store/spaces.ts';
import { SqliteFile } from '../../../src/outside/store/sqlite-file.ts';
import { entryBytes } from '../../../src/outside/store/usage.ts';
import { bytes, folderKey, modulePath, useKeyValue } from '../../capability/kv/client-bench.ts';

const bench = useKeyValue();
const owner = ownerOf(folderKey);
const subFolder = `${folderKey}/sub` as FolderKey;
const opened: SqliteFile[] = [];

afterEach(() => {
  for (const store of opened.splice(0)) store.close();
});

function open(limits: Partial<Limits> = {}): SqliteFile {
  const store = new SqliteFile({
    databasePath: bench.databasePath,
    synchronous: 'normal',
    limits: { ...defaultLimits, ...limits },
  });
  opened.push(store);
  return store;
}

const otherModule = moduleSpace(folderKey, 'other.wasm' as ModulePath);
const own = moduleSpace(folderKey, modulePath);

function ask(
  op: Change['op'],
  key: string,
  value: string | Uint8Array<ArrayBuffer> = '',
  id = 0,
): WriteRequest {
  const given = typeof value === 'string' ? bytes(value) : value;
  return { ...own, id, nowMs: 0, waitMs: 0, writes: [{ key: bytes(key), op, value: given }] };
}

/** Each answer as its id, and whether the key was there before. */
function presence(answers: readonly WriteAnswer[]): readonly unknown[] {
  return answers.map((answer) =>
    answer.kind === 'done' ? [answer.id, answer.before[0] !== 0] : answer.kind,
  );
}

function pragma(name: string): unknown {
  const database = new DatabaseSync(bench.databasePath, { readOnly: true });
  const value = Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
  database.close();
  return value;
}

function goneAt(): unknown[] {
  const database = new DatabaseSync(bench.databasePath, { readOnly: true });
  const rows = database.prepare('SELECT gone_at_ms FROM spaces').all();
  database.close();
  return rows.map((row) => row.gone_at_ms);
}

function reasonOf(answer: WriteAnswer | undefined): string {
  return answer?.kind === 'error' ? answer.error.message : 'no refusal';
}

/** The counters as stored, and as counted afresh: they must never differ. */
function counters(): unknown {
  const database = new DatabaseSync(bench.databasePath, { readOnly: true });
  const kept = database.prepare('SELECT bytes, keys FROM spaces').all();
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
    store.apply([ask('put', 'a'), ask('append', 'b')]);
    const [third, overwritten] = store.apply([ask('put', 'c'), ask('put', 'a', 'x')]);
    expect(reasonOf(third)).toMatch(/at most 2 keys/);
    expect(presence([overwritten].flatMap((one) => one ?? []))).toEqual([[0, true]]);
    const [, again] = store.apply([ask('delete', 'b'), ask('add', 'c')]);
    expect(presence([again].flatMap((one) => one ?? []))).toEqual([[0, false]]);
    expect(counters()).toEqual({ bytes: 3, keys: 2 });
  });

  test('kvNamespaceBytesMax counts keys and values; what shrinks is always allowed', () => {
    open({ kvNamespaceBytesMax: 10 }).apply([ask('put', 'a', '123456789')]);
    expect(counters()).toEqual({ bytes: 10, keys: 1 });
    const store = open({ kvNamespaceBytesMax: 4 });
    expect(reasonOf(store.apply([ask('put', 'b')])[0])).toMatch(/at most 4 bytes/);
    expect(reasonOf(store.apply([ask('append', 'a', '1')])[0])).toMatch(/at most 4 bytes/);
    expect(presence(store.apply([ask('put', 'a', '12345')]))).toEqual([[0, true]]);
    expect(presence(store.apply([ask('append', 'a', '')]))).toEqual([[0, true]]);
    expect(presence(store.apply([ask('delete', 'a')]))).toEqual([[0, true]]);
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
    const other = { ...ask('put', 'b'), ...otherModule };
    const answers = store.apply([ask('put', 'a'), ask('put', 'b', '', 1), other]);
    expect(answers.map((answer) => answer.kind === 'error')).toEqual([false, true, false]);
  });
});

describe('a transaction', () => {
  test('answers in order, each request seeing those before it', () => {
    const answers = presence(
      open().apply([
        ask('add', 'a', '1', 1),
        ask('add', 'a', '2', 2),
        ask('delete', 'a', '', 3),
        ask('append', 'a', '3', 4),
      ]),
    );
    expect(answers).toEqual([
      [1, false],
      [2, true],
      [3, true],
      [4, false],
    ]);
  });

  test('a full file refuses what does not fit, and nothing else of the same transaction', () => {
    // A key stands in the file twice, and counts once.
    const store = open({ kvBytesMax: 310 * 1024 });
    store.apply([ask('put', 'small', 'x')]);
    const answers = store.apply([
      ask('put', 'before', 'x', 1),
      ask('put', 'l'.repeat(150 * 1024), '', 2),
      ask('delete', 'small', '', 3),
    ]);
    expect(presence(answers.slice(0, 1))).toEqual([[1, false]]);
    expect(reasonOf(answers[1])).toMatch(/writing failed: .*full/);
    expect(presence(answers.slice(2))).toEqual([[3, true]]);
    expect(counters()).toEqual({ bytes: 7, keys: 1 });
  });
});

describe('the file', () => {
  test('is readable by nobody else', () => {
    open().apply([ask('put', 'a')]);
    for (const suffix of ['', '-wal']) {
      expect(statSync(`${bench.databasePath}${suffix}`).mode & 0o777).toBe(0o600);
    }
  });

  test('keeps its entries when opened again', () => {
    open().apply([ask('put', 'a', '1')]);
    opened.pop()?.close();
    expect(presence(open().apply([ask('add', 'a')]))).toEqual([[0, true]]);
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
    database.exec('PRAGMA user_version = 2');
    database.close();
    expect(() => open()).toThrow('its format is version 2, this release knows 1');
  });
});

describe('an owner', () => {
  test('kvOwnerBytesMax: has a quota over all modules of all folders, which removing frees', () => {
    const store = open({ kvOwnerBytesMax: 300 });
    const value = 'x'.repeat(100);
    const other = { ...ask('put', 'a', value), ...moduleSpace(subFolder, modulePath) };
    const [first] = store.apply([ask('put', 'a', value)]);
    expect(presence([first].flatMap((one) => one ?? []))).toEqual([[0, false]]);
    expect(reasonOf(store.apply([other])[0])).toMatch(/one owner store at most 300 bytes/);
    expect(reasonOf(store.apply([ask('append', 'a', value + value)])[0])).toMatch(/at most 300/);
    store.apply([ask('delete', 'a')]);
    expect(store.bytesOf(owner)).toBe(0);
    expect(presence(store.apply([other]))).toEqual([[0, false]]);
    expect(store.bytesOf(owner)).toBe(101 + entryBytes);
  });

  test('is counted right when the file is opened again, and after a refusal', () => {
    const store = open({ kvNamespaceKeysMax: 1 });
    store.apply([ask('put', 'a', '12'), ask('put', 'b', '12')]);
    expect(store.bytesOf(owner)).toBe(3 + entryBytes);
    opened.pop()?.close();
    expect(open().bytesOf(owner)).toBe(3 + entryBytes);
  });

  test('gets no more of the file than is left for the others', () => {
    const store = open({ kvBytesMax: 1_000_000, kvNamespaceBytesMax: 1_000_000 });
    const piece = new Uint8Array(50_000);
    const put = (key: string, folder: FolderKey): boolean =>
      store.apply([{ ...ask('put', key, piece), ...moduleSpace(folder, modulePath) }])[0]?.kind ===
      'done';
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
    for (let n = 0; n < 100; n += 1) store.apply([ask('put', `${n}`, piece)]);
    const kept = { ...ask('put', 'k', 'v'), ...otherModule };
    store.apply([kept]);
    const pagesBefore = Number(pragma('page_count'));
    const { reclaim } = store;
    reclaim.note([{ ...own, change: 'forgotten', atMs: 0 }]);
    let steps = 0;
    for (; reclaim.isDue; steps += 1) reclaim.step();
    expect(steps).toBeGreaterThan(10);
    expect(store.bytesOf(owner)).toBe(2 + entryBytes);
    expect(pragma('page_count')).toBeLessThan(pagesBefore / 2);
    const request = { ...ask('add', 'k'), ...otherModule };
    expect(presence(store.apply([request]))).toEqual([[0, true]]);
    expect(counters()).toEqual({ bytes: 2, keys: 1 });
  });

  test('remembers since when a module has been gone, over a restart', () => {
    const store = open();
    store.apply([ask('put', 'a')]);
    store.reclaim.note([{ ...own, change: 'gone', atMs: 5 }]);
    expect(goneAt()).toEqual([5]);
    store.reclaim.note([{ ...own, change: 'back', atMs: 6 }]);
    expect(goneAt()).toEqual([null]);
  });
});
