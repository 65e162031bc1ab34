/** Files of earlier releases, taken over once, whole or not at all. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import { type FolderKey, type ModulePath, ownerOf } from '../../../src/names.ts';
import type { Space } from '../../../src/outside/store/contract.ts';
import { takeOverLegacy } from '../../../src/outside/store/legacy.ts';
import { moduleSpace } from '../../../src/outside/store/spaces.ts';
import { SqliteFile } from '../../../src/outside/store/sqlite-file.ts';
import { SqliteReader } from '../../../src/outside/store/sqlite-reader.ts';
import { storePath } from '../../../src/outside/store/sqlite-schema.ts';
import { entryBytes } from '../../../src/outside/store/usage.ts';
import { writeOldKeyValue, writeOldTls } from './old-files.ts';

const alice = '/keybase/public/alice' as FolderKey;
const modulePath = 'kv.wasm' as ModulePath;
const tls = { area: 'tls', name: 'tls' } as const;
let directory: string;
const troubles: string[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'terrafirma-legacy-'));
  troubles.length = 0;
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

interface Opened extends Disposable {
  readonly file: SqliteFile;
  read(space: Space, key: string): string | undefined;
}

function takeOver(): Opened {
  const file = new SqliteFile({
    databasePath: storePath(directory),
    synchronous: 'normal',
    limits: defaultLimits,
  });
  try {
    takeOverLegacy(file.database, { directory }, (message) => troubles.push(message));
  } catch (error) {
    file.close();
    throw error;
  }
  file.recount();
  const reader = new SqliteReader(file.database);
  return {
    file,
    read(space, key) {
      const value = reader.read(space, Buffer.from(key), Date.now)?.value;
      return value === undefined ? undefined : Buffer.from(value).toString();
    },
    [Symbol.dispose]: () => file.close(),
  };
}

describe('the old key-value file', () => {
  test.each([1, 2] as const)('of format %i is there under the same names', (format) => {
    writeOldKeyValue(directory, format, { alice: { a: 'bc' }, 'alice/sub': { k: 'v', l: '' } });
    using opened = takeOver();
    expect(opened.read(moduleSpace(alice, modulePath), 'a')).toBe('bc');
    const sub = moduleSpace(`${alice}/sub` as FolderKey, modulePath);
    expect([opened.read(sub, 'k'), opened.read(sub, 'l')]).toEqual(['v', '']);
    expect(opened.file.bytesOf(ownerOf(alice))).toBe(3 + 3 + 3 * entryBytes);
    expect(existsSync(join(directory, 'kv.sqlite'))).toBe(false);
    expect(existsSync(join(directory, 'kv.sqlite.imported'))).toBe(true);
    expect(troubles).toEqual([]);
  });

  test('since when a module has been gone is kept', () => {
    writeOldKeyValue(directory, 2, { alice: { a: 'b' } }, 77);
    using opened = takeOver();
    const [row] = opened.file.database.prepare('SELECT gone_at_ms FROM spaces').all();
    expect(row?.gone_at_ms).toBe(77);
  });

  test('is taken over once: what was written since stays', () => {
    writeOldKeyValue(directory, 2, { alice: { a: 'old' } });
    takeOver()[Symbol.dispose]();
    const space = moduleSpace(alice, modulePath);
    {
      using opened = takeOver();
      const write = { key: copy('a'), op: 'put', value: copy('new') } as const;
      const answers = opened.file.apply([
        { ...space, id: 0, nowMs: 0, waitMs: 0, writes: [write] },
      ]);
      expect(answers[0]?.kind).toBe('done');
    }
    using again = takeOver();
    expect(again.read(space, 'a')).toBe('new');
  });

  test('a process killed between the copy and the renaming does not copy again', () => {
    writeOldKeyValue(directory, 2, { alice: { a: 'old' } });
    const space = moduleSpace(alice, modulePath);
    {
      using opened = takeOver();
      opened.file.apply([
        {
          ...space,
          id: 0,
          nowMs: 0,
          waitMs: 0,
          writes: [{ key: copy('a'), op: 'delete', value: copy('') }],
        },
      ]);
    }
    // As it was before the renaming: the same file under its old name.
    renameSync(join(directory, 'kv.sqlite.imported'), join(directory, 'kv.sqlite'));
    using again = takeOver();
    expect(again.read(space, 'a')).toBeUndefined();
    expect(existsSync(join(directory, 'kv.sqlite'))).toBe(false);
    expect(troubles).toEqual([]);
  });

  test('one that an earlier release made afterwards is left alone, and told', () => {
    writeOldKeyValue(directory, 2, { alice: { a: 'old' } });
    takeOver()[Symbol.dispose]();
    writeOldKeyValue(directory, 2, { alice: { a: 'other' } });
    using opened = takeOver();
    expect(opened.read(moduleSpace(alice, modulePath), 'a')).toBe('old');
    expect(existsSync(join(directory, 'kv.sqlite'))).toBe(true);
    expect(troubles.join()).toMatch(/stays as it is/);
  });

  test('a damaged one stops the store, and stays where it is', () => {
    writeFileSync(join(directory, 'kv.sqlite'), 'no database'.repeat(1_000));
    expect(() => takeOver()).toThrow(/kv\.sqlite: .*not a database/);
    expect(existsSync(join(directory, 'kv.sqlite'))).toBe(true);
  });

  test('one of a later release stops the store, and nothing of it is copied', () => {
    writeOldKeyValue(directory, 2, { alice: { a: 'b' } });
    const old = new DatabaseSync(join(directory, 'kv.sqlite'));
    old.exec('PRAGMA user_version = 3');
    old.close();
    expect(() => takeOver()).toThrow(/version 3, this release knows 2/);
    const file = new DatabaseSync(storePath(directory));
    expect(file.prepare('SELECT count(*) AS n FROM spaces').get()).toEqual({ n: 0 });
    file.close();
  });

  test('killed in the middle, again and again: at last all of it is there', async () => {
    const entries = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, n) => [`${n}`, `value ${n}`.repeat(20)]),
    );
    writeOldKeyValue(directory, 2, { alice: entries });
    const script = new URL('./legacy-process.ts', import.meta.url).pathname;
    for (let round = 0; round < 6; round += 1) {
      const child = spawn(process.execPath, [script, directory], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const exited = once(child, 'exit');
      for await (const chunk of child.stdout) {
        if (String(chunk).includes('copying')) child.kill('SIGKILL');
      }
      expect(await exited).toEqual([null, 'SIGKILL']);
    }
    using opened = takeOver();
    const space = moduleSpace(alice, modulePath);
    const found = Object.entries(entries).filter(
      ([key, value]) => opened.read(space, key) === value,
    );
    expect(found.length).toBe(5_000);
    expect(troubles).toEqual([]);
  });
});

describe('the old file of certificates', () => {
  test('is there under the keys of today, with what was ordered when', () => {
    const nowMs = Date.now();
    writeOldTls(directory, { nowMs, folder: `${alice}/sub` });
    using opened = takeOver();
    expect(opened.read(tls, 'account/https://ca.test/directory')).toBe('account key');
    expect(JSON.parse(opened.read(tls, 'cert/a.test') ?? '')).toEqual({
      ...{ hostName: 'a.test', chainPem: 'chain', keyPem: 'key' },
      directoryUrl: 'https://ca.test/directory',
      ...{ issuedAtMs: 1, notAfterMs: 100, renewAtMs: 50, windowAskAtMs: 10 },
    });
    expect(JSON.parse(opened.read(tls, 'fail/b.test') ?? '')).toEqual({
      ...{ failures: 2, untilMs: nowMs + 1_000, reason: 'no' },
    });
    const minute = { at: Math.floor(nowMs / 60_000), c: [2] };
    const hour = { at: Math.floor(nowMs / 3_600_000), c: [2] };
    const counts = ['all', `owner/${alice}`, 'name/a.test', `folder/${alice}/sub`].map((key) =>
      JSON.parse(opened.read(tls, `count/${key}`) ?? 'null'),
    );
    expect(counts).toEqual([minute, minute, hour, hour]);
    expect(existsSync(join(directory, 'tls.sqlite.imported'))).toBe(true);
  });

  test('a damaged one is put aside, and the store goes on', () => {
    writeFileSync(join(directory, 'tls.sqlite'), 'no database'.repeat(1_000));
    takeOver()[Symbol.dispose]();
    const aside = readdirSync(directory).filter((name) => name.startsWith('tls.sqlite.damaged-'));
    expect(aside.length).toBe(1);
    expect(troubles.join()).toMatch(/certificates damaged/);
  });
});

function copy(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
