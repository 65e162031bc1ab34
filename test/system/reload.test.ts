/** The configuration read again by a daemon that runs: by SIGHUP, and by a word of the operator. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { askAdmin, changeAdmin, socketOf } from '../support/admin.ts';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { startDnsServer } from '../support/dns-server.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

const hasPython = spawnSync('python3', ['--version']).status === 0;

test('SIGHUP and /v1/reload swap what can be swapped, and name the rest', async () => {
  using mount = new TestFolder();
  mount.put('hello', 'public/alice/hello.wasm');
  mount.put('loop', 'public/alice/loop.wasm');
  const dns = await startDnsServer();
  dns.table.set('_keybase_pages.site.test', { txt: ['kbp=/keybase/public/alice'] });
  const config = mount.path('config.toml');
  const write = (text: string): void => writeFileSync(config, text);
  write('');
  await using daemon = await TestDaemon.start({
    args: [
      ...['--mount', `/keybase=${mount.directory}`, '--dns', `${dns.host}:${dns.port}`],
      ...['--config', config],
    ],
  });
  const visit = async (path: string) =>
    (await ask(daemon.port, path, { host: 'site.test' })).status;
  const until = (status: number) =>
    waitFor(async () => ((await visit('/hello.wasm')) === status ? status : undefined), 20_000);
  const reload = () => changeAdmin(socketOf(daemon), 'POST', '/v1/reload', {});
  expect(await visit('/hello.wasm')).toBe(200);

  write('threads = 3\n[hosts]\ndenied = ["site.test"]\n[limits]\ncpu_ms_max = 50\n');
  daemon.child.kill('SIGHUP');
  const line = await daemon.waitForLog(({ event }) => event === 'config-reloaded');
  expect(line).toMatchObject({ changed: ['hosts.denied', 'limits.cpu_ms_max'] });
  expect(await until(403)).toBe(403);
  const { findings } = (await askAdmin(socketOf(daemon), '/v1/doctor/site.test')).json;
  expect(findings).toContainEqual(expect.objectContaining({ id: 'rules', mark: 'bad' }));
  const folder = encodeURIComponent('/keybase/public/alice');
  const module = `/v1/folders/${folder}/modules/hello.wasm`;
  const { json } = await askAdmin(socketOf(daemon), module);
  expect(json.module).toMatchObject({ ceilings: { cpuMs: 50 } });

  write('[hosts]\ndenied = []\n[limits]\ncpu_ms_max = 50\n');
  expect((await reload()).json).toMatchObject({ changed: ['hosts.denied'], needRestart: [] });
  expect(await until(200)).toBe(200);
  expect(await visit('/loop.wasm')).toBe(504);
  const ended = await daemon.waitForLog(({ outcome }) => outcome === 'out-of-cpu');
  expect(ended.errorDetail).toContain('50 ms');

  write('[hosts]\ndenied = "site.test"\n');
  const refused = await reload();
  expect(refused).toMatchObject({ status: 500, json: { code: 'config' } });
  expect(refused.json.detail).toContain('config.toml:2');
  await daemon.waitForLog(({ event }) => event === 'config-not-reloaded');
  expect(await visit('/hello.wasm')).toBe(200);
  await dns.close();
});

test.skipIf(!hasPython)('systemd hears of each step (skipped without python3)', async () => {
  using folder = new TestFolder();
  folder.put('hello');
  const socket = join(mkdtempSync(join(tmpdir(), 'terrafirma-notify-')), 'notify.sock');
  const code =
    'import socket,sys\n' +
    's=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\ns.bind(sys.argv[1])\n' +
    'print("bound",flush=True)\n' +
    'while True: print(repr(s.recv(1000).decode()),flush=True)';
  const listener = spawn('python3', ['-c', code, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  let heard = '';
  listener.stdout.on('data', (chunk) => {
    heard += String(chunk);
  });
  await waitFor(() => (heard.includes('bound') ? true : undefined), 10_000);
  const daemon = await TestDaemon.start({
    args: [folder.directory],
    env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '400000' },
  });
  await using _ = daemon;
  const hears = (text: string) => waitFor(() => (heard.includes(text) ? true : undefined), 20_000);
  await hears('READY=1');
  expect(heard).toContain(`MAINPID=${daemon.child.pid}`);
  await hears('WATCHDOG=1');
  daemon.child.kill('SIGHUP');
  await hears('RELOADING=1');
  await daemon.stop('SIGTERM');
  await hears('STOPPING=1');
  const exited = once(listener, 'exit');
  listener.kill('SIGKILL');
  await exited;
});
