/** The kinds of admin listeners, and starts that they refuse. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runProgram } from '../commands/program.ts';
import { askAdmin, socketOf } from '../support/admin.ts';
import { TestDaemon } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;

function placesOf(daemon: TestDaemon): readonly URL[] {
  const line = daemon.log.find(({ event }) => event === 'admin-listening');
  return ((line?.admin ?? []) as string[]).map((place) => new URL(place));
}

async function startWith(...args: readonly string[]): Promise<{
  readonly daemon: TestDaemon;
  readonly folder: TestFolder;
}> {
  const folder = new TestFolder();
  folder.put('hello');
  const daemon = await TestDaemon.start({ args: [folder.directory, ...args] });
  await daemon.waitForLog(({ event }) => event === 'admin-listening', 20_000);
  return { daemon, folder };
}

test('by TCP everything but /healthz needs the token, which only its owner can read', async () => {
  const { daemon, folder } = await startWith('--admin-listen', '127.0.0.1:0');
  await using _ = daemon;
  using __ = folder;
  const [place] = placesOf(daemon);
  const port = Number(place?.port);
  const host = `127.0.0.1:${port}`;
  const ask = (path: string, headers = {}) =>
    askAdmin('', path, { port, headers: { host, ...headers } });
  const file = join(daemon.stateDirectory, 'admin.token');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const authorization = `Bearer ${readFileSync(file, 'utf8').trim()}`;
  expect((await ask('/healthz')).status).toBe(200);
  for (const path of ['/readyz', '/metrics', '/v1/status', '/v1/log']) {
    expect(await ask(path)).toMatchObject({ status: 401, json: { code: 'admin-token' } });
    expect((await ask(path, { authorization })).status).toBe(200);
    const rebound = { authorization, host: `evil.example:${port}` };
    expect((await ask(path, rebound)).status).toBe(421);
  }
  expect((await ask('/v1/status', { authorization, host: `localhost:${port}` })).status).toBe(200);
  const told = await runProgram(['status', '--admin', String(place)], {
    environment: { TERRAFIRMA_STATE_DIRECTORY: daemon.stateDirectory },
  });
  expect(told).toMatchObject({ code: 0 });
});

test('10,000 wrong tokens neither get in nor lock anybody out nor hold the daemon', async () => {
  const { daemon, folder } = await startWith('--admin-listen', '127.0.0.1:0');
  await using _ = daemon;
  using __ = folder;
  const port = Number(placesOf(daemon)[0]?.port);
  const host = `127.0.0.1:${port}`;
  const counts = new Map<number, number>();
  const tryAll = async (first: number): Promise<void> => {
    for (let at = first; at < 10_000; at += 16) {
      const headers = { host, authorization: `Bearer ${String(at).padStart(43, 'x')}` };
      const { status } = await askAdmin('', '/v1/status', { port, headers });
      counts.set(status, (counts.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 16 }, (_each, at) => tryAll(at)));
  const refusals = (counts.get(401) ?? 0) + (counts.get(429) ?? 0);
  expect(refusals).toBe(10_000);
  expect(counts.get(429)).toBeGreaterThan(9_000);
  expect((await fetch(`${daemon.url}/hello.wasm`)).status).toBe(200);
  const token = readFileSync(join(daemon.stateDirectory, 'admin.token'), 'utf8').trim();
  const headers = { host, authorization: `Bearer ${token}` };
  expect((await askAdmin('', '/v1/status', { port, headers })).status).toBe(200);
});

test('a listener for numbers tells everybody those, and nothing else', async () => {
  const { daemon, folder } = await startWith('--metrics-listen', '127.0.0.1:0');
  await using _ = daemon;
  using __ = folder;
  await fetch(`${daemon.url}/hello.wasm`);
  const port = Number(placesOf(daemon).find(({ protocol }) => protocol === 'http:')?.port);
  const ask = (path: string) => askAdmin('', path, { port });
  expect((await ask('/healthz')).status).toBe(200);
  expect((await ask('/readyz')).status).toBe(200);
  for (const path of ['/v1/status', '/v1/bans', '/v1/log']) {
    expect((await ask(path)).status).toBe(404);
  }
  const metrics = await ask('/metrics');
  expect(metrics.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(metrics.text).toMatch(/terrafirma_requests_total\{.*module="hello.wasm".*\} 1\n/);
  expect(faultsOf(metrics.text)).toEqual([]);
  if (!hasPromtool) return;
  const lint = spawnSync('promtool', ['check', 'metrics'], { input: metrics.text });
  expect(String(lint.stderr)).toBe('');
  expect(lint.status).toBe(0);
});

/** Every sample belongs to a family that was told before it, once, and each line is well formed. */
function faultsOf(text: string): readonly string[] {
  const types = new Map<string, string>();
  const faults: string[] = [];
  const seen = new Set<string>();
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const [, name = '', type = ''] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? [];
    if (name !== '') {
      if (types.has(name)) faults.push(`twice: ${line}`);
      types.set(name, type);
    }
    if (line.startsWith('#')) continue;
    const sample = /^([a-z_0-9]+)(\{(?:[a-z0-9]+="(?:[^"\\\n]|\\.)*",?)*\})? [-+.\de]+$/.exec(line);
    const family = sample?.[1]?.replace(/_(bucket|sum|count)$/, '') ?? '';
    const isKnown = types.has(sample?.[1] ?? '') || types.get(family) === 'histogram';
    if (!isKnown) faults.push(`of no family: ${line}`);
    const series = line.slice(0, line.lastIndexOf(' '));
    if (seen.has(series)) faults.push(`twice: ${line}`);
    seen.add(series);
  }
  return faults;
}

test('an upload that is broken off is no trouble of the operator', async () => {
  const { daemon, folder } = await startWith();
  await using _ = daemon;
  using __ = folder;
  const client = connect(socketOf(daemon));
  const head = 'POST /v1/bans HTTP/1.1\r\nhost: admin\r\ncontent-type: application/json\r\n';
  client.end(`${head}content-length: 100\r\n\r\n{`);
  client.resume();
  await once(client, 'close');
  expect((await askAdmin(socketOf(daemon), '/healthz')).status).toBe(200);
  await daemon.stop();
  expect(daemon.log.filter(({ event }) => event === 'admin-trouble')).toEqual([]);
});

test('without a listener there is no socket', async () => {
  const folder = new TestFolder();
  using _ = folder;
  folder.write('terrafirma.toml.conf', 'x');
  const config = folder.path('config');
  writeFileSync(config, '[admin]\nlisten = []\n');
  await using daemon = await TestDaemon.start({ args: [folder.directory, '--config', config] });
  expect(placesOf(daemon)).toEqual([]);
  expect(statSync(socketOf(daemon), { throwIfNoEntry: false })).toBeUndefined();
});

describe('a start', () => {
  const folder = mkdtempSync(join(tmpdir(), 'terrafirma-admin-'));
  const serve = (...args: readonly string[]) =>
    runProgram(['serve', folder, '--listen', '127.0.0.1:0', ...args]);

  test('refuses an address that others reach', async () => {
    for (const place of ['0.0.0.0:9101', '192.0.2.1:9101', '[::]:9101']) {
      const { code, stderr } = await serve('--admin-listen', place);
      expect(code).toBe(2);
      expect(stderr).toContain('must be a Unix socket or a loopback address');
    }
  });

  test('refuses a socket whose path the system cannot name', async () => {
    const { code, stderr } = await serve('--admin-listen', `unix:/tmp/${'x'.repeat(103)}`);
    expect(code).toBe(2);
    expect(stderr).toContain('at most 107 bytes');
  });

  test('refuses a socket that another daemon answers on, and what is no socket', async () => {
    const state = join(folder, 'state');
    const path = join(folder, 'admin.sock');
    const other = createServer().listen(path);
    const taken = await serve('--state', state, '--admin-listen', `unix:${path}`);
    expect(taken.code).toBe(1);
    expect(taken.stderr).toContain('another daemon has it');
    await new Promise((resolve) => other.close(resolve));
    writeFileSync(path, 'a file');
    const file = await serve('--state', state, '--admin-listen', `unix:${path}`);
    expect(file.stderr).toContain('received a file at');
    rmSync(path);
  });

  test('refuses a token that others can read, or that is short', async () => {
    const file = join(folder, 'token');
    const state = join(folder, 'state');
    const args = ['--state', state, '--admin-listen', '127.0.0.1:0'];
    const environment = { TERRAFIRMA_ADMIN_TOKEN_FILE: file };
    const start = () =>
      runProgram(['serve', folder, '--listen', '127.0.0.1:0', ...args], { environment });
    writeFileSync(file, 'x'.repeat(43), { mode: 0o644 });
    expect((await start()).stderr).toContain('only its owner');
    rmSync(file);
    writeFileSync(file, 'short', { mode: 0o600 });
    expect((await start()).stderr).toContain('32 or more');
  });
});

test('a socket that a killed daemon left behind is taken over', async () => {
  const { daemon: first, folder } = await startWith();
  using _ = folder;
  const { stateDirectory } = first;
  await first.stop('SIGKILL');
  expect(statSync(socketOf(first)).isSocket()).toBe(true);
  const second = await TestDaemon.start({ args: [folder.directory], stateDirectory });
  await using __ = second;
  expect((await askAdmin(socketOf(second), '/healthz')).status).toBe(200);
  await second.stop();
  expect(statSync(socketOf(second), { throwIfNoEntry: false })).toBeUndefined();
  await first[Symbol.asyncDispose]();
});
