import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { guestBytes, TestFolder } from '../support/folder.ts';
import { ask, sendRaw, statusOf, type TestReply } from '../support/http.ts';

/** A row of the table of failures: every one a sentence of plain text with a request id. */
function expectFailure(reply: TestReply, status: number, text: RegExp): void {
  expect([reply.status, reply.text]).toEqual([status, expect.stringMatching(text)]);
  expect(reply.headers['content-type']).toBe('text/plain; charset=utf-8');
  expect(reply.headers['x-request-id']).toMatch(/^[0-9a-f]{12}-/);
  expect(reply.text).toMatch(/^Cannot [^\n]+\n$/);
}

describe('failures on the way from the host name to the folder', () => {
  const mount = new TestFolder();
  let dns: DnsServer;
  let daemon: TestDaemon;

  beforeAll(async () => {
    dns = await startDnsServer({
      '_keybase_pages.none.example': { txt: ['unrelated'] },
      '_keybase_pages.two.example': { txt: ['kbp=/keybase/public/a', 'kbp=/keybase/public/b'] },
      '_keybase_pages.syntax.example': { txt: ['kbp=/keybase/nowhere/x'] },
      '_keybase_pages.git.example': { txt: ['kbp=git@keybase:private/a,b/site'] },
      '_keybase_pages.dots.example': { txt: ['kbp=/keybase/public/a/../b'] },
      '_keybase_pages.broken.example': { rcode: 'servfail' },
      '_keybasepages.broken.example': { rcode: 'servfail' },
      '_keybase_pages.silent.example': { isSilent: true },
      '_keybasepages.silent.example': { isSilent: true },
      '_keybase_pages.missing.example': { txt: ['kbp=/keybase/public/nobody'] },
      '_keybase_pages.config.example': { txt: ['kbp=/keybase/public/config'] },
      '_keybase_pages.denied.example': { txt: ['kbp=/keybase/public/denied'] },
    });
    for (const folder of ['config', 'denied']) {
      mkdirSync(mount.path(`public/${folder}`), { recursive: true });
      writeFileSync(mount.path(`public/${folder}/hello.wasm`), guestBytes('hello'));
    }
    writeFileSync(mount.path('public/config/.kbp_config'), '{ nonsense');
    writeFileSync(
      mount.path('public/denied/.kbp_config'),
      '{"version":"v1","per_path_configs":{"/":{"anonymous_permissions":""}}}',
    );
    daemon = await TestDaemon.start({
      args: [
        ...['--mount', `/keybase=${mount.directory}`],
        ...['--mount', `/keybase/team=${mount.path('not-there')}`],
        ...['--dns', `${dns.host}:${dns.port}`],
      ],
      env: { TERRAFIRMA_LIMITS_DNS_TIMEOUT_MS: '200' },
    });
    dns.table.set('_keybase_pages.away.example', { txt: ['kbp=/keybase/team/acme'] });
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await dns.close();
    mount[Symbol.dispose]();
  });

  test.each([
    ['no record', 'nothing.example', 503, /_keybase_pages\.nothing\.example/],
    ['no kbp=', 'none.example', 503, /kbp=/],
    ['several kbp=', 'two.example', 412, /received/],
    ['bad syntax', 'syntax.example', 412, /nowhere/],
    ['a git root', 'git.example', 412, /git/],
    ['dot segments', 'dots.example', 412, /received/],
    ['a resolver that fails', 'broken.example', 502, /servers/],
    ['a resolver that is silent', 'silent.example', 504, /server/],
    ['a folder that is not there', 'missing.example', 404, /not served here/],
    ['an unreadable .kbp_config', 'config.example', 412, /kbp_config/],
    ['a folder that denies', 'denied.example', 403, /does not allow/],
    ['a mount that is not there', 'away.example', 503, /cannot be reached/],
    ['an IP address', '127.0.0.1', 400, /received/],
    ['a bad label', 'a_b.example', 400, /received/],
  ])('%s', async (_what, host, status, text) => {
    expectFailure(await ask(daemon.port, '/hello.wasm', { host }), status, text);
  });

  test('closes a folder at once whose .kbp_config breaks while it is served', async () => {
    const host = 'turning.example';
    dns.table.set(`_keybase_pages.${host}`, { txt: ['kbp=/keybase/public/turning'] });
    mkdirSync(mount.path('public/turning'));
    writeFileSync(mount.path('public/turning/hello.wasm'), guestBytes('hello'));
    expect((await ask(daemon.port, '/hello.wasm', { host })).status).toBe(200);
    writeFileSync(mount.path('public/turning/.kbp_config'), '{ half');
    const closed = await waitFor(async () => {
      const reply = await ask(daemon.port, '/hello.wasm', { host });
      return reply.status === 200 ? undefined : reply;
    });
    expectFailure(closed, 412, /kbp_config/);
  });

  test('offers to try again where that can help', async () => {
    const reply = await ask(daemon.port, '/hello.wasm', { host: 'away.example' });
    expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0);
  });

  test.each([
    ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n'],
    ['no Host in HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n'],
  ])('%s', async (_what, bytes) => {
    const raw = await sendRaw(daemon.port, bytes);
    expect(statusOf(raw)).toBe(400);
  });
});

describe('failures of paths, modules and runs', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;
  let silent: Server;
  let silentUrl: string;

  beforeAll(async () => {
    const guests = [
      ...['hello', 'trap', 'panic', 'panic-after-500', 'imports-unknown', 'fetch'],
      ...['deep-recursion', 'trap-after-200', 'response-huge'],
    ];
    for (const guest of guests) folder.put(guest);
    folder.write('page.html', 'page');
    folder.write('.hidden', 'hidden');
    silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    silentUrl = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
    daemon = await TestDaemon.start({
      args: [folder.directory, '--allow-outbound', '127.0.0.0/8', '--quiet-ms', '50'],
      env: {
        TERRAFIRMA_LIMITS_WALL_MS_MAX: '500',
        TERRAFIRMA_LIMITS_REQUEST_BODY_BYTES_MAX: '1000',
        TERRAFIRMA_LIMITS_VERDICT_WAIT_MS: '4000',
        TERRAFIRMA_LIMITS_BODY_IDLE_TIMEOUT_MS: '200',
      },
    });
    // The wait for a verdict is short here: only a test that is about it should meet it.
    for (const guest of guests) {
      await waitFor(async () => {
        const { text } = await ask(daemon.port, `/${guest}.wasm`);
        return /Cannot answer yet/.test(text) ? undefined : true;
      });
    }
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    silent.closeAllConnections();
    silent.close();
    folder[Symbol.dispose]();
  });

  test.each([
    ['no such module', '/nothing.wasm', 404, /./],
    ['no such file', '/nothing.html', 404, /./],
    ['no such directory', '/nothing/', 404, /./],
    ['a module refused at deploy', '/imports-unknown.wasm', 502, /"env" "nope"/],
    ['a trap', '/trap.wasm', 500, /the function failed/],
    ['a trap after an answer was set', '/trap-after-200.wasm', 500, /the function failed/],
    ['a panic', '/panic.wasm', 500, /the function failed/],
    ['a stack overflow', '/deep-recursion.wasm', 500, /the function failed/],
    ['a dot file', '/.hidden', 403, /never served/],
    ['a path that leaves', '/a/../../x', 400, /received/],
    ['a bad escape', '/%zz', 400, /received/],
    ['an encoded slash', '/a%2fb', 400, /received/],
  ])('%s', async (_what, path, status, text) => {
    expectFailure(await ask(daemon.port, path), status, text);
  });

  test('never shows the folder configuration', async () => {
    for (const path of ['/.kbp_config', '/.KBP_config', '/%2ekbp_config']) {
      const reply = await ask(daemon.port, path);
      expect(reply.status).toBe(403);
      expect(reply.text).toContain('Reading /.kbp_config directly is forbidden.');
    }
  });

  test('keeps the words of a panic for the log', async () => {
    const reply = await ask(daemon.port, '/panic.wasm');
    const id = reply.headers['x-request-id'];
    expect(reply.text).not.toContain('asked to panic');
    const line = await daemon.waitForLog(
      ({ requestId, msg }) => requestId === id && /panic/.test(msg),
    );
    expect(line).toMatchObject({ modulePath: 'panic.wasm' });
  });

  test('sends what the guest had set when it set an error before it trapped', async () => {
    const reply = await ask(daemon.port, '/panic-after-500.wasm');
    expect([reply.status, reply.text]).toEqual([500, 'the database is down\n']);
  });

  test('names the wall-clock limit', async () => {
    expectFailure(
      await ask(daemon.port, `/fetch.wasm?${silentUrl}`),
      504,
      /wall-clock limit of 500 ms/,
    );
  });

  test('refuses a body over the limit', async () => {
    const body = 'x'.repeat(1_001);
    expectFailure(await ask(daemon.port, '/hello.wasm', { method: 'POST', body }), 413, /1000/);
    const fits = await ask(daemon.port, '/hello.wasm', { method: 'POST', body: 'x'.repeat(1_000) });
    expect(fits.status).toBe(200);
  });

  test('gives a body that stops arriving up', async () => {
    const raw = await sendRaw(
      daemon.port,
      'POST /hello.wasm HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc',
    );
    expect(statusOf(raw)).toBe(408);
  });

  test('refuses to run in circles', async () => {
    const headers = { 'cdn-loop': Array.from({ length: 9 }, () => 'terrafirma').join(', ') };
    expectFailure(await ask(daemon.port, '/hello.wasm', { headers }), 508, /9/);
  });

  test('asks to come back when there is no verdict in time', async () => {
    using fresh = new TestFolder();
    await using patient = await TestDaemon.start({
      args: [fresh.directory, '--quiet-ms', '60000'],
      env: { TERRAFIRMA_LIMITS_VERDICT_WAIT_MS: '300' },
    });
    // A file that was just written may still be growing: there is nothing to judge.
    fresh.write('growing.wasm', 'begun');
    const reply = await ask(patient.port, '/growing.wasm');
    expectFailure(reply, 503, /still being written/);
    expect(reply.headers['retry-after']).toBe('2');
  });

  test('allows only reading for files', async () => {
    const refused = await ask(daemon.port, '/page.html', { method: 'POST' });
    expectFailure(refused, 405, /POST/);
    expect(refused.headers.allow).toBe('GET, HEAD');
    await waitFor(async () =>
      (await ask(daemon.port, '/page.html')).status === 200 ? 1 : undefined,
    );
  });
});
