import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../src/config/config.ts';
import { CronClaims } from '../../src/daemon/cron/claims.ts';
import { entryIdOf } from '../../src/daemon/cron/slots.ts';
import { localFolderKey } from '../../src/names.ts';
import { openStoreClient } from '../../src/outside/store/open.ts';
import { storePath } from '../../src/outside/store/sqlite-schema.ts';
import { startStoreKeeper } from '../../src/outside/store/store-keeper.ts';
import { parseSettings } from '../../src/site/settings.ts';
import { assemble } from '../support/abi-puppet.ts';
import { askAdmin, changeAdmin, socketOf } from '../support/admin.ts';
import { type LogLine, TestDaemon } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

/** Writes its environment to its log, then does `rest`. */
function program(rest = ''): Promise<Uint8Array> {
  return assemble(`(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
    (memory (export "memory") 3)
    (data (i32.const 1024) "Status: 202\\0a\\0a")
    (func $print (param $fd i32) (param $ptr i32) (param $len i32)
      (i32.store (i32.const 0) (local.get $ptr))
      (i32.store (i32.const 4) (local.get $len))
      (drop (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))
    (func (export "_start")
      (drop (call $environ (i32.const 4096) (i32.const 65536)))
      (i32.store8 (i32.const 67036) (i32.const 10))
      (call $print (i32.const 2) (i32.const 65536) (i32.const 1501))
      ${rest}
      (call $print (i32.const 1) (i32.const 1024) (i32.const 13))))`);
}

const slotMs = Math.floor((Date.now() - 1_800_000) / 60_000) * 60_000;
const slot = new Date(slotMs);

/** Half an hour ago, and then not before tomorrow. */
const settingsText = `
  [site]
  canonical_host = "www.example.com"
  [[cron]]
  schedule = "${slot.getUTCMinutes()} ${slot.getUTCHours()} * * *"
  module = "jobs/clean.wasm"
  path = "/all?full=1"
  missed = "once"
`;

/** As if a daemon had known the entry since an hour ago. */
async function knowEntry(stateDirectory: string, folder: TestFolder): Promise<void> {
  const keeper = startStoreKeeper({
    databasePath: storePath(stateDirectory),
    synchronous: 'normal',
    limits: defaultLimits,
    onTrouble: (message) => {
      throw new Error(message);
    },
  });
  const store = openStoreClient(keeper.connect(), stateDirectory);
  const claims = new CronClaims({ store, node: 'earlier' });
  const [entry] = parseSettings(Buffer.from(settingsText), 1e6).cron ?? [];
  if (entry === undefined) throw new TypeError('no entry');
  const key = localFolderKey(folder.directory);
  await claims.knownSince(key, entryIdOf(entry), Date.now() - 3_600_000);
  await store.close();
  await keeper.close();
}

const isGuests = (line: LogLine) => JSON.stringify(line).includes('TERRAFIRMA_CRON');

describe('[[cron]] behind the daemon', () => {
  const directories: string[] = [];
  const openState = async (folder: TestFolder): Promise<string> => {
    const stateDirectory = mkdtempSync(join(tmpdir(), 'terrafirma-cron-'));
    directories.push(stateDirectory);
    await knowEntry(stateDirectory, folder);
    return stateDirectory;
  };
  afterAll(() => {
    for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  });

  test('a missed run is made up for: once, as a request like others', async () => {
    using folder = new TestFolder();
    folder.write('jobs/clean.wasm', await program());
    folder.write('terrafirma.toml', settingsText);
    // Nobody without a login may read; the daemon itself asks nobody.
    folder.write('.kbp_config', '{"version":"v1","users":{},"per_path_configs":{"/":{}}}');
    const stateDirectory = await openState(folder);
    const args = [folder.directory, '--quiet-ms', '20', '--poll-ms', '50'];
    {
      await using daemon = await TestDaemon.start({ args, stateDirectory });
      const ran = await daemon.waitForLog((line) => line.event === 'cron-ran');
      expect(ran).toMatchObject({
        modulePath: 'jobs/clean.wasm',
        scheduledAt: slot.toISOString(),
        status: 202,
        outcome: 'replied',
      });
      const environment = JSON.stringify(await daemon.waitForLog(isGuests));
      for (const variable of [
        'REQUEST_METHOD=POST',
        'PATH_INFO=/all',
        'QUERY_STRING=full=1',
        'HTTP_HOST=www.example.com',
        `HTTP_X_TERRAFIRMA_CRON=${slot.getUTCMinutes()} ${slot.getUTCHours()} * * *`,
        `HTTP_X_TERRAFIRMA_SCHEDULED_AT=${slot.toISOString()}`,
      ]) {
        expect(environment).toContain(variable);
      }
      const request = await daemon.waitForLog((line) => line.requestId === ran.requestId);
      expect(request).toBeDefined();
    }
    await using again = await TestDaemon.start({ args, stateDirectory });
    expect((await ask(again.port, '/jobs/clean.wasm')).status).toBe(403);
    // Its end waits for what has begun.
    await again.stop();
    expect(again.log.filter(({ event }) => event === 'cron-ran')).toEqual([]);
  });

  test('visitors cannot pretend to be it', async () => {
    using folder = new TestFolder();
    folder.write('jobs/clean.wasm', await program());
    const args = [folder.directory, '--quiet-ms', '20', '--poll-ms', '50'];
    await using daemon = await TestDaemon.start({ args });
    const headers = { 'x-terrafirma-cron': 'now', 'x-terrafirma-scheduled-at': 'now', 'x-a': 'b' };
    expect((await ask(daemon.port, '/jobs/clean.wasm', { headers })).status).toBe(202);
    const line = await daemon.waitForLog((each) => JSON.stringify(each).includes('HTTP_X_A=b'));
    expect(JSON.stringify(line)).not.toContain('TERRAFIRMA');
  });

  test('killed in the middle of a run: nobody knows its end, and it is not repeated', async () => {
    using folder = new TestFolder();
    folder.write('jobs/clean.wasm', await program('(loop $ever (br $ever))'));
    folder.write('terrafirma.toml', settingsText);
    const stateDirectory = await openState(folder);
    const args = [folder.directory, '--quiet-ms', '20', '--poll-ms', '50'];
    const env = { TERRAFIRMA_LIMITS_CPU_MS_MAX: '60000', TERRAFIRMA_LIMITS_WALL_MS_MAX: '60000' };
    {
      await using daemon = await TestDaemon.start({ args, stateDirectory, env });
      await daemon.waitForLog(isGuests);
      await daemon.stop('SIGKILL');
    }
    folder.write('other.wasm', await program());
    await using next = await TestDaemon.start({ args, stateDirectory, env });
    const unknown = await next.waitForLog((line) => line.event === 'cron-unknown');
    expect(unknown).toMatchObject({ scheduledAt: slot.toISOString() });
    expect((await ask(next.port, '/other.wasm')).status).toBe(202);
    await next.stop();
    expect(next.log.filter(({ event }) => event === 'cron-ran')).toEqual([]);
  });
});

test('an operator runs a schedule now, and takes none of its times away', async () => {
  const folder = new TestFolder();
  using _ = folder;
  folder.put('hello', 'jobs/clean.wasm');
  const yearly = settingsText.replace(/schedule = .*/, 'schedule = "0 0 1 1 *"');
  folder.write('terrafirma.toml', yearly);
  await using daemon = await TestDaemon.start({ args: [folder.directory] });
  await ask(daemon.port, '/jobs/clean.wasm');
  const key = encodeURIComponent(localFolderKey(folder.directory));
  const { json } = await askAdmin(socketOf(daemon), `/v1/folders/${key}`);
  const [schedule] = json.cron;
  expect(schedule).toMatchObject({ module: 'jobs/clean.wasm', missed: 'once', timezone: 'UTC' });
  const run = (body: object) =>
    changeAdmin(socketOf(daemon), 'POST', `/v1/folders/${key}/cron/run`, body);
  const wanted = { at: 0, module: schedule.module, schedule: schedule.schedule };
  expect(await run({ ...wanted, at: 1 })).toMatchObject({ status: 404 });
  expect(await run({ ...wanted, schedule: '* * * * *' })).toMatchObject({ status: 404 });
  const ran = await run(wanted);
  expect(ran).toMatchObject({ status: 200, json: { status: 200, outcome: 'replied' } });
  const told = await daemon.waitForLog(({ event }) => event === 'cron-ran');
  expect(told.requestId).toBe(ran.json.requestId);
  const after = await askAdmin(socketOf(daemon), `/v1/folders/${key}`);
  expect(after.json.cron[0].next).toBe(schedule.next);
});
