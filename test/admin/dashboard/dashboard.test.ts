/** The operator's dashboard from outside: who gets in, and what others cannot do. */
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { Dashboard } from '../../../src/admin/dashboard/dashboard.ts';
import type { AdminRequest } from '../../../src/admin/request.ts';
import { defaultLimits } from '../../../src/config/config.ts';
import { openJournal } from '../../../src/journal/journal.ts';
import { askAdmin, changeAdmin, openAdmin, socketOf } from '../../support/admin.ts';
import { TestDaemon, waitFor } from '../../support/daemon.ts';
import { TestFolder } from '../../support/folder.ts';

interface Opened {
  readonly port: number;
  readonly token: string;
}

async function openDashboard(daemon: TestDaemon, body: object = {}): Promise<Opened> {
  const { json } = await changeAdmin(socketOf(daemon), 'POST', '/v1/dashboard', body);
  const url = new URL(json.url);
  expect(url.hostname).toBe('127.0.0.1');
  return { port: Number(url.port), token: url.hash.replace('#token=', '') };
}

/** As a browser asks that has opened the page. */
function browserAt(port: number, cookie?: string) {
  const host = `127.0.0.1:${port}`;
  return (
    path: string,
    method = 'GET',
    body?: object,
    more: Readonly<Record<string, string>> = {},
  ) =>
    askAdmin('', path, {
      ...{ port, method },
      headers: {
        ...{ host, origin: `http://${host}` },
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(cookie === undefined ? {} : { cookie }),
        ...more,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
}

async function signIn(daemon: TestDaemon): Promise<{
  readonly port: number;
  readonly cookie: string;
}> {
  const { port, token } = await openDashboard(daemon);
  const { headers, status } = await browserAt(port)('/v1/session', 'POST', { token });
  expect(status).toBe(200);
  const [set = ''] = headers['set-cookie'] ?? [];
  expect(set).toMatch(/; HttpOnly; SameSite=Strict$/);
  return { port, cookie: set.split(';')[0] ?? '' };
}

async function start() {
  const folder = new TestFolder();
  folder.put('hello');
  const daemon = await TestDaemon.start({ args: [folder.directory] });
  return { daemon, folder };
}

test('a link signs one browser in, once, and nothing is open without it', async () => {
  const { daemon, folder } = await start();
  await using _ = daemon;
  using __ = folder;
  const { port, token } = await openDashboard(daemon);
  const stranger = browserAt(port);
  const page = await stranger('/');
  expect(page.status).toBe(200);
  expect(page.headers['content-security-policy']).toContain("default-src 'none'");
  expect(page.headers['content-security-policy']).not.toContain('unsafe');
  expect(page.text).not.toContain(folder.directory);
  for (const path of ['/v1/status', '/v1/log', '/v1/events', '/v1/session', '/metrics']) {
    expect(await stranger(path)).toMatchObject({ status: 401, json: { code: 'admin-token' } });
  }
  const wrong = await stranger('/v1/session', 'POST', { token: 'x'.repeat(32) });
  expect(wrong.status).toBe(401);
  const { headers } = await stranger('/v1/session', 'POST', { token });
  const cookie = headers['set-cookie']?.[0]?.split(';')[0] ?? '';
  expect(await browserAt(port, cookie)('/v1/status')).toMatchObject({ status: 200 });
  expect((await stranger('/v1/session', 'POST', { token })).status).toBe(401);
  const signedIn = browserAt(port, cookie);
  expect((await signedIn('/v1/session')).json).toMatchObject({
    actor: 'session',
    role: 'operator',
  });
  expect((await signedIn('/v1/session', 'DELETE', {})).status).toBe(200);
  expect((await signedIn('/v1/status')).status).toBe(401);
});

test('whoever asks for a link at the same time gets it for the same address', async () => {
  const dashboard: Dashboard = new Dashboard({
    ...{ stateDirectory: '/', version: '1', journal: openJournal(), limits: defaultLimits },
    ...{ routes: () => dashboard.routes(), token: () => undefined },
    ...{ wallMs: Date.now, nowMs: () => performance.now() },
  });
  const route = dashboard.routes().find(({ path }) => path === '/v1/dashboard');
  const request: AdminRequest = {
    ...{ method: 'POST', params: [], query: new URLSearchParams(), headers: {} },
    ...{ actor: 'socket', address: '', body: new Uint8Array() },
  };
  try {
    const [first, second] = await Promise.all([route?.answer(request), route?.answer(request)]);
    const port = first?.kind === 'json' ? first.value.port : undefined;
    expect(port).toBeGreaterThan(0);
    expect(second).toMatchObject({ value: { port } });
  } finally {
    await dashboard.close();
  }
});

test('every file of the page is there, and its script loads nothing from elsewhere', async () => {
  const { daemon, folder } = await start();
  await using _ = daemon;
  using __ = folder;
  const { port } = await openDashboard(daemon);
  const ask = browserAt(port);
  const seen = new Set<string>();
  const follow = async (path: string): Promise<void> => {
    if (seen.has(path)) return;
    seen.add(path);
    const { headers, status, text } = await ask(path);
    expect([path, status]).toEqual([path, 200]);
    expect(headers['x-content-type-options']).toBe('nosniff');
    if (path === '/') {
      const links = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link = '']) => link);
      for (const link of links) await follow(link);
    } else {
      expect(headers['cache-control']).toContain('immutable');
      if (!path.endsWith('.js')) return;
      const imports = [...text.matchAll(/^(?:import|export)\b[^;]*?\bfrom\s*["']([^"']+)["']/gm)];
      for (const [, name = ''] of imports) {
        expect(name).toMatch(/^\.\.?\//);
        await follow(new URL(name, `http://x${path}`).pathname);
      }
    }
  };
  await follow('/');
  expect([...seen].filter((path) => path.endsWith('.js')).length).toBeGreaterThan(15);
  expect((await ask('/page/0000000000000000/app.js')).status).toBe(404);
  expect((await ask(`/page/${[...seen][1]?.split('/')[2]}/..%2f..%2fmain.ts`)).status).toBe(404);
});

test('pages of other sites get nothing and change nothing, with the cookie in hand', async () => {
  const { daemon, folder } = await start();
  await using _ = daemon;
  using __ = folder;
  const { cookie, port } = await signIn(daemon);
  const ask = browserAt(port, cookie);
  const ban = { kind: 'host', value: 'good.example' };
  const evil = { origin: 'https://evil.example' };
  expect(await ask('/v1/bans', 'POST', ban, evil)).toMatchObject({ status: 403 });
  expect(await ask('/v1/bans', 'POST', ban, { origin: 'null' })).toMatchObject({ status: 403 });
  // Another port of this machine is another origin, though its cookies are the same.
  const neighbour = { origin: `http://127.0.0.1:${port + 1}` };
  expect(await ask('/v1/bans', 'POST', ban, neighbour)).toMatchObject({ status: 403 });
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  expect(await ask('/v1/bans', 'POST', ban, form)).toMatchObject({ status: 415 });
  const text = { 'content-type': 'text/plain' };
  expect(await ask('/v1/bans', 'POST', ban, text)).toMatchObject({ status: 415 });
  // A name of the attacker's that was made to lead to 127.0.0.1.
  const rebound = { host: `evil.example:${port}`, origin: `http://evil.example:${port}` };
  for (const path of ['/', '/v1/status', '/v1/session', '/v1/log']) {
    expect(await ask(path, 'GET', undefined, rebound)).toMatchObject({ status: 421 });
  }
  expect((await ask('/v1/bans')).json.bans).toEqual([]);
  expect(await ask('/v1/bans', 'POST', ban)).toMatchObject({ status: 200 });
});

test('a name that was made to lead to a forwarded socket gets nothing', async () => {
  const { daemon, folder } = await start();
  await using _ = daemon;
  using __ = folder;
  const ask = (host: string) =>
    askAdmin(socketOf(daemon), '/v1/status', { headers: { host } }).then(({ status }) => status);
  for (const host of ['admin', 'localhost:9101', '127.0.0.1:9101', '[::1]:9101', '192.0.2.1']) {
    expect([host, await ask(host)]).toEqual([host, 200]);
  }
  for (const host of ['evil.example', 'evil.example:9101', 'a.b.evil.example.', 'EVIL.example']) {
    expect([host, await ask(host)]).toEqual([host, 421]);
  }
  // Whoever forwards the socket needs no token, and the page finds that out.
  const { json } = await askAdmin(socketOf(daemon), '/v1/session');
  expect(json).toMatchObject({ actor: 'socket', role: 'operator' });
});

test('streams that nobody reads end, and one browser gets four of them', async () => {
  const { daemon, folder } = await start();
  await using _ = daemon;
  using __ = folder;
  const { cookie, port } = await signIn(daemon);
  const host = `127.0.0.1:${port}`;
  const open = () =>
    openAdmin('', '/v1/events?topics=metrics', { port, headers: { host, cookie } });
  const streams = await Promise.all([open(), open(), open(), open()]);
  expect(streams.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200]);
  const fifth = await open();
  expect(fifth.statusCode).toBe(503);
  fifth.resume();
  expect((await browserAt(port, cookie)('/v1/status')).status).toBe(200);
  for (const stream of streams) stream.destroy();
  const again = await waitFor(async () => {
    const stream = await open();
    if (stream.statusCode === 200) return stream;
    stream.resume();
    return undefined;
  });
  again.destroy();
});

test('a reader that stalls under a flood of lines holds nobody up', async () => {
  const { daemon, folder } = await start();
  await using _ = daemon;
  using __ = folder;
  const { cookie, port } = await signIn(daemon);
  const socket = connect(port, '127.0.0.1');
  socket.write(
    `GET /v1/events?topics=log HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nCookie: ${cookie}\r\n\r\n`,
  );
  // The head comes, and then nobody reads.
  await new Promise((resolve) => socket.once('data', resolve));
  socket.pause();
  const long = 'x'.repeat(150);
  for (let round = 0; round < 40; round += 1) {
    const paths = Array.from({ length: 250 }, (_each, at) => `/${long}-${round}-${at}`);
    await Promise.all(paths.map((path) => fetch(`${daemon.url}${path}`).then((r) => r.text())));
    if (round % 10 === 0) {
      expect((await browserAt(port, cookie)('/v1/status')).status).toBe(200);
    }
  }
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk;
  });
  socket.resume();
  const last = `${daemon.url}/the-last`;
  await waitFor(async () => {
    await fetch(last).then((response) => response.text());
    return received.includes('the-last') ? true : undefined;
  });
  socket.destroy();
  const lines = received.split('\n').filter((line) => line.startsWith('data: '));
  for (const line of lines) expect(() => JSON.parse(line.slice(6))).not.toThrow();
});

test('the same link command finds what is open, and another port moves it', async () => {
  const { daemon, folder } = await start();
  await using _ = daemon;
  using __ = folder;
  const first = await openDashboard(daemon);
  const second = await openDashboard(daemon);
  expect(second.port).toBe(first.port);
  expect(second.token).not.toBe(first.token);
  const taken = await changeAdmin(socketOf(daemon), 'POST', '/v1/dashboard', { port: daemon.port });
  expect(taken).toMatchObject({ status: 400, json: { code: 'admin-request' } });
  expect((await browserAt(first.port)('/')).status).toBe(200);
  const bad = await changeAdmin(socketOf(daemon), 'POST', '/v1/dashboard', { port: 99_999 });
  expect(bad.status).toBe(400);
});

test('plots and deploys are told as numbers', async () => {
  const { daemon, folder } = await start();
  await using _ = daemon;
  using __ = folder;
  for (let count = 0; count < 5; count += 1) await fetch(`${daemon.url}/hello.wasm`);
  const ask = (path: string) => askAdmin(socketOf(daemon), path);
  const told = await waitFor(async () => {
    const { json } = await ask('/v1/history?of=daemon&stepS=1');
    const sum = json.series.requests.reduce((all: number, one: number) => all + one, 0);
    return sum >= 5 ? json : undefined;
  });
  expect(told).toMatchObject({ of: 'daemon', stepS: 1 });
  expect(Object.keys(told.series)).toContain('p99Ms');
  const { json } = await ask('/v1/deploys');
  expect(json.deploys[0]).toMatchObject({ event: 'module-published', module: 'hello.wasm' });
  for (const query of ['of=x', 'stepS=7', 'steps=0', 'steps=2000']) {
    expect((await ask(`/v1/history?${query}`)).status).toBe(400);
  }
});
