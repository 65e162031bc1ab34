/** A state directory of an earlier release: the daemon goes on with what was stored there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { localFolderKey } from '../../src/names.ts';
import { writeOldKeyValue } from '../outside/store/old-files.ts';
import { TestDaemon } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

const program = join(import.meta.dirname, '../../src/main.ts');
let folder: TestFolder;
let stateDirectory: string;

beforeEach(() => {
  folder = new TestFolder();
  folder.put('kv');
  stateDirectory = mkdtempSync(join(tmpdir(), 'terrafirma-state-'));
});

afterEach(() => {
  folder[Symbol.dispose]();
  rmSync(stateDirectory, { recursive: true });
});

function start(): Promise<TestDaemon> {
  return TestDaemon.start({ args: [folder.directory], threads: 1, stateDirectory });
}

test('what modules stored is there, is written on, and is taken over once', async () => {
  writeOldKeyValue(stateDirectory, 2, { [localFolderKey(folder.directory)]: { k: 'old' } });
  {
    await using daemon = await start();
    expect((await ask(daemon.port, '/kv.wasm/get?k')).text).toBe('old');
    await ask(daemon.port, '/kv.wasm/insert?k', { method: 'POST', body: 'new' });
  }
  expect(existsSync(join(stateDirectory, 'kv.sqlite'))).toBe(false);
  expect(existsSync(join(stateDirectory, 'kv.sqlite.imported'))).toBe(true);
  await using again = await start();
  expect((await ask(again.port, '/kv.wasm/get?k')).text).toBe('new');
});

test('a daemon killed while it takes over loses nothing', async () => {
  const stored = Object.fromEntries(
    Array.from({ length: 20_000 }, (_, n) => [`key${n}`, `value ${n} `.repeat(50)]),
  );
  writeOldKeyValue(stateDirectory, 2, { [localFolderKey(folder.directory)]: stored });
  for (let round = 0; round < 4; round += 1) await killWhileTakingOver();
  await using daemon = await start();
  for (const key of ['key0', 'key9999', 'key19999']) {
    expect((await ask(daemon.port, `/kv.wasm/get?${key}`)).text).toBe(stored[key]);
  }
}, 120_000);

/** Killed once the journal of the new file has grown: in the middle, or just after the end. */
async function killWhileTakingOver(): Promise<void> {
  const args = [program, 'serve', folder.directory, '--state', stateDirectory];
  const child = spawn(process.execPath, [...args, '--listen', '127.0.0.1:0'], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  const journal = join(stateDirectory, 'shared.sqlite-wal');
  const before = sizeOf(journal);
  await expect
    .poll(() => sizeOf(journal) !== before || !existsSync(join(stateDirectory, 'kv.sqlite')), {
      interval: 1,
      timeout: 30_000,
    })
    .toBe(true);
  child.kill('SIGKILL');
  await exited;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
