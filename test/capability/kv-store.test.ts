import { statSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, test } from 'vitest';
import type {
  WriteAnswer,
  WriteOperation,
  WriteRequest,
} from '../../src/capability/kv-messages.ts';
import { KeyValueStore } from '../../src/capability/kv-store.ts';
import { defaultLimits, type Limits } from '../../src/config/config.ts';
import type { ModulePath } from '../../src/names.ts';
import { bytes, folderKey, modulePath, useKeyValue } from './kv-bench.ts';

const bench = useKeyValue();
const opened: KeyValueStore[] = [];

afterEach(() => {
  for (const store of opened.splice(0)) store.close();
});

function open(limits: Partial<Limits> = {}, databaseBytesMax = 2 ** 30): KeyValueStore {
  const store = new KeyValueStore({
    databasePath: bench.databasePath,
    synchronous: 'normal',
    limits: { ...defaultLimits, ...limits },
    databaseBytesMax,
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
    const store = open({}, 100 * 1024);
    store.apply([ask('insert', 'small', 'x')]);
    const answers = store.apply([
      ask('insert', 'before', 'x', 1),
      ask('insert', 'large', new Uint8Array(200 * 1024), 2),
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
    database.exec('PRAGMA user_version = 2');
    database.close();
    expect(() => open()).toThrow('its format is version 2, this release knows 1');
  });
});
