/** A backup while somebody writes, restored elsewhere: nothing that was answered before is lost. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { askAdmin, socketOf } from '../support/admin.ts';
import { TestDaemon } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { runProgram } from './program.ts';

test('backup and restore lose nothing that was answered before', { timeout: 120_000 }, async () => {
  using folder = new TestFolder();
  folder.put('hello');
  const places = mkdtempSync(join(tmpdir(), 'terrafirma-backup-'));
  const module = `/v1/kv/${encodeURIComponent(`/local${folder.directory}`)}/own.wasm`;
  const keyOf = (at: number): string => Buffer.from(String(at)).toString('base64url');
  const backup = join(places, 'backup');
  let written = 0;
  let before = 0;
  {
    await using daemon = await TestDaemon.start({ args: [folder.directory] });
    const socket = socketOf(daemon);
    await fetch(`${daemon.url}/hello.wasm`);
    let isOver = false;
    const writing = (async () => {
      for (; !isOver; written += 1) {
        await askAdmin(socket, `${module}/${keyOf(written)}`, {
          method: 'PUT',
          body: `${written}`,
        });
      }
    })();
    while (written < 20) await new Promise((resolve) => setTimeout(resolve, 5));
    before = written;
    const made = await runProgram(['backup', backup, '--state', daemon.stateDirectory]);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    isOver = true;
    await writing;
    const again = await runProgram(['backup', backup, '--state', daemon.stateDirectory]);
    expect(again.stderr).toContain('the directory must be a new one');
  }
  const stateDirectory = join(places, 'restored');
  expect(await runProgram(['restore', backup, '--state', stateDirectory])).toMatchObject({
    code: 0,
  });
  await using second = await TestDaemon.start({ args: [folder.directory], stateDirectory });
  for (let at = 0; at < before; at += 1) {
    expect((await askAdmin(socketOf(second), `${module}/${keyOf(at)}`)).text).toBe(String(at));
  }
  expect((await fetch(`${second.url}/hello.wasm`)).status).toBe(200);
  writeFileSync(join(backup, 'visit.key'), 'damaged');
  const damaged = await runProgram(['restore', backup, '--state', join(places, 'third')]);
  expect(damaged.code).toBe(2);
  expect(damaged.stderr).toContain('every file must be as it was backed up');
});
