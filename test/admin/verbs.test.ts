/** The verbs of the admin listener, asked of a real daemon over its socket. */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askAdmin, changeAdmin, openAdmin, socketOf } from '../support/admin.ts';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { guestBytes, padded, TestFolder } from '../support/folder.ts';

let daemon: TestDaemon;
let socket: string;
const folder = new TestFolder();
const key = () => encodeURIComponent(`/local${folder.directory}`);

beforeAll(async () => {
  for (const guest of ['hello', 'counter', 'loop']) folder.put(guest);
  folder.write('index.html', '<p>hello</p>');
  folder.write('broken.wasm', 'no module');
  daemon = await TestDaemon.start({
    args: [folder.directory, '--quiet-ms', '50', '--poll-ms', '50'],
    env: { TERRAFIRMA_LIMITS_CPU_MS_MAX: '20 s' },
  });
  socket = socketOf(daemon);
  await daemon.waitForLog(({ event }) => event === 'module-refused');
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const get = (path: string) => askAdmin(socket, path);
const visit = (path: string) => fetch(`${daemon.url}${path}`);

describe('the socket', () => {
  test('can be opened by its owner alone', () => {
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    expect(statSync(daemon.stateDirectory).mode & 0o777).toBe(0o700);
  });

  test.each([
    ['GET', '/v1/nothing', 404, 'admin-verb'],
    ['GET', '/v1/folders/%ZZ', 404, 'admin-verb'],
    ['POST', '/v1/status', 405, 'admin-method'],
    ['GET', '/v1/top?by=beauty', 400, 'admin-request'],
    ['GET', '/v1/log?limit=501', 400, 'admin-request'],
    ['DELETE', '/v1/runs/none', 415, 'admin-type'],
  ])('answers %s %s with %d as a problem', async (method, path, status, code) => {
    const answer = await askAdmin(socket, path, { method });
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer).toMatchObject({ status, json: { schemaVersion: 1, status, code } });
  });

  test('refuses a body that is too large, and a page of another site', async () => {
    const value = { directory: 'x'.repeat(1024 * 1024) };
    expect(await changeAdmin(socket, 'POST', '/v1/backup', value)).toMatchObject({ status: 413 });
    const headers = { origin: 'https://evil.example' };
    expect(await askAdmin(socket, '/v1/status', { headers })).toMatchObject({ status: 403 });
  });
});

describe('health and status', () => {
  test('say that it serves', async () => {
    expect(await get('/healthz')).toMatchObject({ status: 200, json: { status: 'ok' } });
    const checks = { threads: 2, listening: 2, foldersAway: 0 };
    expect(await get('/readyz')).toMatchObject({ status: 200, json: { status: 'ready', checks } });
    const { json } = await get('/v1/status');
    expect(json).toMatchObject({
      schemaVersion: 1,
      pid: daemon.child.pid,
      listening: [daemon.url],
      isDraining: false,
      folders: { inUse: 1, away: 0, closed: 0 },
      store: 'ready',
    });
    expect(json.threads).toHaveLength(2);
  });

  test('count requests by folder and module, with the time they took', async () => {
    for (let at = 0; at < 5; at += 1) expect((await visit('/hello.wasm')).status).toBe(200);
    await visit('/broken.wasm');
    const { json } = await waitFor(async () => {
      const answer = await get('/v1/top?of=module&by=requests');
      const row = answer.json.rows.find((each: { module: string }) => each.module === 'hello.wasm');
      return row?.requests >= 5 ? answer : undefined;
    });
    const row = json.rows.find((each: { module: string }) => each.module === 'hello.wasm');
    expect(row).toMatchObject({ folder: `/local${folder.directory}`, errors: 0 });
    expect(row.p99Ms).toBeGreaterThan(0);
    expect(row.p99Ms).toBeGreaterThanOrEqual(row.p50Ms);
  });
});

describe('folders and modules', () => {
  test('are told with verdicts and reasons', async () => {
    const { json } = await get(`/v1/folders/${key()}`);
    expect(json).toMatchObject({ state: 'served', directory: folder.directory });
    const broken = json.modules.find((each: { module: string }) => each.module === 'broken.wasm');
    expect(broken).toMatchObject({ verdict: 'refused', error: { code: 'module-refused' } });
    const module = await get(`/v1/folders/${key()}/modules/hello.wasm`);
    expect(module.json.module).toMatchObject({ verdict: 'serving', abi: 'terrarium' });
    expect((await get('/v1/folders/%2Fnowhere')).status).toBe(404);
  });

  test('are told to be what they are in the metrics', async () => {
    await visit('/hello.wasm');
    const { text } = await get('/metrics');
    expect(text).toMatch(
      /^terrafirma_module_info\{.*module="hello\.wasm",abi="terrarium",role="function"\} 1$/m,
    );
    expect(text).not.toMatch(/^terrafirma_module_info\{.*broken/m);
  });

  test('a rollback is in force before its answer, and ends at a word', async () => {
    const before = await (await visit('/counter.wasm')).text();
    const { json: old } = await get(`/v1/folders/${key()}/modules/counter.wasm`);
    folder.replace('counter.wasm', padded(guestBytes('hello'), 1));
    await waitFor(async () =>
      (await (await visit('/counter.wasm')).text()) === before ? undefined : true,
    );
    const path = `/v1/folders/${key()}/modules/counter.wasm/rollback`;
    const { digest } = old.module;
    const rolled = await changeAdmin(socket, 'POST', path, { digest });
    expect(rolled).toMatchObject({ status: 200, json: { digest } });
    for (let at = 0; at < 10; at += 1) {
      expect(await (await visit('/counter.wasm')).text()).toBe(before);
    }
    expect(await changeAdmin(socket, 'DELETE', path, {})).toMatchObject({ status: 200 });
    expect(await (await visit('/counter.wasm')).text()).not.toBe(before);
    const wrong = await changeAdmin(socket, 'POST', path, { digest: 'ffffffff' });
    expect(wrong).toMatchObject({ status: 400, json: { code: 'admin-request' } });
    const line = await daemon.waitForLog(({ msg }) => msg === 'operator action');
    expect(line).toMatchObject({ action: 'rollback', actor: 'socket' });
  });
});

test('a run is seen and ended', async () => {
  const answer = visit('/loop.wasm');
  const run = await waitFor(async () => {
    const { json } = await get('/v1/runs');
    return json.runs.find((each: { module: string }) => each.module === 'loop.wasm');
  });
  expect(run).toMatchObject({ phase: 'guest', folder: `/local${folder.directory}` });
  expect(await changeAdmin(socket, 'DELETE', `/v1/runs/${run.id}`, {})).toMatchObject({
    json: { id: run.id, outcome: 'ended' },
  });
  expect((await answer).status).toBe(503);
  expect(await daemon.waitForLog(({ id }) => id === run.id)).toMatchObject({ outcome: 'ended' });
  expect((await changeAdmin(socket, 'DELETE', `/v1/runs/${run.id}`, {})).status).toBe(404);
});

describe('the log', () => {
  test('is found by what a line says', async () => {
    const id = (await visit('/hello.wasm')).headers.get('x-request-id');
    const { json } = await waitFor(async () => {
      const answer = await get(`/v1/log?request=${id}`);
      return answer.json.lines.length > 0 ? answer : undefined;
    });
    expect(json.lines).toMatchObject([{ id, status: 200, outcome: 'replied' }]);
    const refused = await get('/v1/log?event=module-refused&level=warn');
    expect(refused.json.lines).toMatchObject([{ modulePath: 'broken.wasm' }]);
    const none = await get(`/v1/log?request=${id}&status=5xx`);
    expect(none.json.lines).toEqual([]);
  });

  test('is followed, and taken up again without a gap', async () => {
    const first = await openAdmin(socket, '/v1/log?module=hello.wasm', {
      headers: { accept: 'text/event-stream' },
    });
    expect(first.headers['content-type']).toBe('text/event-stream');
    const one = (await visit('/hello.wasm')).headers.get('x-request-id') ?? '';
    const seen = await readUntil(first, one);
    first.destroy();
    const lastId = /^id: (.*)$/m.exec(seen)?.[1] ?? '';
    const two = (await visit('/hello.wasm')).headers.get('x-request-id') ?? '';
    await daemon.waitForLog(({ id }) => id === two);
    const second = await openAdmin(socket, '/v1/log?module=hello.wasm', {
      headers: { accept: 'text/event-stream', 'last-event-id': lastId },
    });
    const again = await readUntil(second, two);
    second.destroy();
    expect(again).not.toContain(one);
  });

  test('events tell numbers and deploys', async () => {
    const stream = await openAdmin(socket, '/v1/events?topics=metrics,deploys');
    await readUntil(stream, 'event: metrics');
    folder.write('new.wasm', 'no module either');
    const text = await readUntil(stream, 'new.wasm');
    stream.destroy();
    expect(text).toContain('event: deploy\n');
    expect((await get('/v1/events?topics=gossip')).status).toBe(400);
  });
});

test('of a cluster nothing is told where there is none', async () => {
  expect((await get('/v1/cluster')).json).toMatchObject({ cluster: null });
});

describe('bans', () => {
  const ban = (value: object) => changeAdmin(socket, 'POST', '/v1/bans', value);
  const unban = (value: object) => changeAdmin(socket, 'DELETE', '/v1/bans', value);

  test.each([
    [{ kind: 'address', value: '127.0.0.0/8' }],
    [{ kind: 'folder', value: `/local${folder.directory}` }],
  ])('of %j hold at once, until they are taken back', async (wanted) => {
    expect((await ban({ ...wanted, reason: 'flood' })).status).toBe(200);
    const refused = await visit('/hello.wasm');
    expect(refused.status).toBe(403);
    expect(await refused.text()).not.toContain('flood');
    expect((await get('/v1/bans')).json.bans).toMatchObject([{ ...wanted, reason: 'flood' }]);
    expect((await unban(wanted)).status).toBe(200);
    expect((await visit('/hello.wasm')).status).toBe(200);
    const again = await unban(wanted);
    expect(again.status).toBe(404);
    expect(again.json.detail).toMatch(/^Cannot unban: there must be such a ban/);
  });

  test('of a folder end what runs for it', async () => {
    const running = visit('/loop.wasm');
    await waitFor(async () => ((await get('/v1/runs')).json.runs.length > 0 ? true : undefined));
    const wanted = { kind: 'folder', value: `/local${folder.directory}` };
    await ban(wanted);
    expect((await running).status).toBe(503);
    await unban(wanted);
  });

  test('end by themselves', async () => {
    const until = new Date(Date.now() + 1_500).toISOString();
    await ban({ kind: 'address', value: '127.0.0.1', until });
    expect((await visit('/hello.wasm')).status).toBe(403);
    await waitFor(async () => ((await visit('/hello.wasm')).status === 200 ? true : undefined));
    expect((await get('/v1/bans')).json.bans).toEqual([]);
  });

  test.each([
    [{ kind: 'planet', value: 'mars' }],
    [{ kind: 'address', value: 'somewhere' }],
    [{ kind: 'host', value: 'no host' }],
    [{ kind: 'folder', value: 'relative' }],
    [{ kind: 'host', value: 'a.example', until: '2020-01-01T00:00:00Z' }],
    [{ kind: 'host' }],
  ])('of %j are refused', async (wanted) => {
    expect((await ban(wanted)).status).toBe(400);
  });
});

describe('key-value data', () => {
  const path = (text: string) =>
    `/v1/kv/${key()}/own.wasm/${Buffer.from(text).toString('base64url')}`;
  const put = (text: string, body: string, headers = {}) =>
    askAdmin(socket, path(text), { method: 'PUT', body, headers });

  test('is written, listed, read and deleted', async () => {
    for (const name of ['a/1', 'a/2', 'b']) expect((await put(name, name)).status).toBe(200);
    const read = await get(path('a/1'));
    const sha256 = createHash('sha256').update('a/1').digest('hex');
    expect(read).toMatchObject({ text: 'a/1', headers: { etag: `"${sha256}"` } });
    const prefix = Buffer.from('a/').toString('base64url');
    const first = await get(`/v1/kv/${key()}/own.wasm?prefix=${prefix}&limit=1`);
    expect(first.json.keys).toMatchObject([{ bytes: 3 }]);
    const rest = await get(`/v1/kv/${key()}/own.wasm?prefix=${prefix}&cursor=${first.json.cursor}`);
    expect(rest.json).toMatchObject({ keys: [{ bytes: 3 }], cursor: null });
    expect((await changeAdmin(socket, 'DELETE', path('b'), {})).status).toBe(200);
    expect((await get(path('b'))).status).toBe(404);
  });

  test('is counted in bytes', async () => {
    const bytes = async () =>
      Number(/^terrafirma_kv_bytes (\d+)$/m.exec((await get('/metrics')).text)?.[1]);
    const before = await bytes();
    await put('counted', 'x'.repeat(1_000));
    await waitFor(async () => ((await bytes()) >= before + 1_000 ? true : undefined));
    const { json } = await get('/v1/status');
    expect(json.kvBytes).toBe(await bytes());
  });

  test('and so is the state, with the modules and databases in it', async () => {
    const { json } = await get('/v1/status');
    expect(json.stateBytes).toBeGreaterThan(json.kvBytes);
  });

  test('changes only what is as it was read', async () => {
    await put('once', '1');
    expect((await put('once', '2', { 'if-none-match': '*' })).status).toBe(412);
    const { headers } = await get(path('once'));
    expect((await put('once', '2', { 'if-match': headers.etag })).status).toBe(200);
    const late = await put('once', '3', { 'if-match': headers.etag });
    expect(late).toMatchObject({ status: 412, json: { code: 'precondition' } });
    expect((await get(path('once'))).text).toBe('2');
    expect((await put('fresh', '1', { 'if-none-match': '*' })).status).toBe(200);
  });
});

/** The stream stays open. */
async function readUntil(stream: IncomingMessage, wanted: string): Promise<string> {
  let text = '';
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.includes(wanted) && text.endsWith('\n\n')) return text;
  }
  throw new Error(`the stream ended without ${wanted}: ${text}`);
}
