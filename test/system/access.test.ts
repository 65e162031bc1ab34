import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { guestBytes, TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

const SALT = '00112233445566778899aabb';
const BCRYPT = '$2a$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW';

function sha256(password: string): string {
  const salted = Buffer.concat([Buffer.from(SALT, 'hex'), Buffer.from(password)]);
  return `sha256:${SALT}:${createHash('sha256').update(salted).digest('hex')}`;
}

function manifestWith(password: string): string {
  return JSON.stringify({
    version: 'v1',
    users: { alice: sha256(password), bob: BCRYPT },
    per_path_configs: {
      '/': { anonymous_permissions: 'read', 'Access-Control-Allow-Origin': '*' },
      '/private': { whitelist_additional_permissions: { alice: 'read', bob: 'read' } },
      '/alice': { whitelist_additional_permissions: { alice: 'read' } },
      '/nobody': {},
      '/hello.wasm/admin': {},
      '/open.wasm': {},
      '/open.wasm/door': { anonymous_permissions: 'read' },
      '/index/index.wasm': {},
    },
  });
}

function login(user: string, password: string): Readonly<Record<string, string>> {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}

describe('who may read', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  beforeAll(async () => {
    const modules = ['hello', 'open', 'private/hello', 'alice/hello', 'nobody/h', 'index/index'];
    for (const name of modules) folder.write(`${name}.wasm`, guestBytes('hello'));
    folder.write('private/page.html', 'secret');
    folder.write('.kbp_config', manifestWith('geheim'));
    daemon = await TestDaemon.start({ args: [folder.directory] });
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  test('is everybody where the owner says so, from any origin', async () => {
    const reply = await ask(daemon.port, '/hello.wasm');
    expect(reply.status).toBe(200);
    expect(reply.headers['access-control-allow-origin']).toBe('*');
  });

  test('is asked with 401 and the realm of the configured path', async () => {
    for (const path of ['/private/hello.wasm', '/private/page.html', '/private/missing']) {
      const reply = await ask(daemon.port, path);
      expect(reply.status).toBe(401);
      expect(reply.headers['www-authenticate']).toBe('Basic realm="/private", charset="UTF-8"');
      expect(reply.headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  test('is the users with their passwords, by either kind of hash', async () => {
    const status = async (path: string, user: string, password: string): Promise<number> =>
      (await ask(daemon.port, path, { headers: login(user, password) })).status;
    expect(await status('/private/hello.wasm', 'alice', 'geheim')).toBe(200);
    expect(await status('/private/page.html', 'bob', 'open sesame')).toBe(200);
    expect(await status('/alice/hello.wasm', 'bob', 'open sesame')).toBe(401);
    expect(await status('/private/hello.wasm', 'alice', 'wrong')).toBe(401);
    expect(await status('/private/hello.wasm', 'carol', 'geheim')).toBe(401);
    expect(await status('/nobody/h.wasm', 'alice', 'geheim')).toBe(403);
    expect((await ask(daemon.port, '/nobody/h.wasm')).status).toBe(403);
  });

  test.each([
    ['/hello.wasm', 200],
    ['/hello.wasm/other', 200],
    ['/hello.wasm/admin', 403],
    ['/hello.wasm/admin/x', 403],
    ['/hello.wasm//admin', 403],
    ['/hello.wasm/./admin', 403],
    ['/hello.wasm/x/../admin', 403],
    ['/hello.wasm/admin/../x', 403],
    ['/hello.wasm/x%2F..%2Fadmin', 403],
    ['/hello.wasm/%61dmin', 403],
    ['/hello.wasm/ADMIN', 403],
    ['/hello.wasm/../../open.wasm/door', 200],
    ['/open.wasm', 403],
    ['/open.wasm/', 403],
    ['/open.wasm/door', 200],
    ['/open.wasm/door/..', 403],
  ])('of %s, a path behind a module, is decided by the deepest rule: %i', async (path, status) => {
    expect((await ask(daemon.port, path)).status).toBe(status);
  });

  test('is nobody for a directory whose index is closed', async () => {
    expect((await ask(daemon.port, '/index/index.wasm')).status).toBe(403);
    expect((await ask(daemon.port, '/index/')).status).toBe(403);
  });

  test('is not written to the log, nor is a password', async () => {
    await ask(daemon.port, '/private/page.html', { headers: login('alice', 'hunter2-unique') });
    await daemon.waitForLog((line) => line.errorCode === 'unauthorized');
    expect(JSON.stringify(daemon.log)).not.toContain('hunter2-unique');
    expect(JSON.stringify(daemon.log)).not.toContain(
      login('alice', 'hunter2-unique').authorization,
    );
  });

  test('changes when the owner changes a password', async () => {
    folder.replace('.kbp_config', manifestWith('anders'));
    const status = async (password: string): Promise<number> =>
      (await ask(daemon.port, '/alice/hello.wasm', { headers: login('alice', password) })).status;
    await waitFor(async () => ((await status('geheim')) === 401 ? true : undefined));
    expect(await status('anders')).toBe(200);
  });

  test('is nobody any more after too many guesses', async () => {
    const statuses: number[] = [];
    for (let count = 0; count < 40; count += 1) {
      const headers = login('alice', `guess ${count}`);
      statuses.push((await ask(daemon.port, '/alice/hello.wasm', { headers })).status);
    }
    expect(statuses).toContain(429);
    expect((await ask(daemon.port, '/hello.wasm')).status).toBe(200);
  });
});

describe('which names are served', () => {
  const mount = new TestFolder();
  let dns: DnsServer;
  let daemon: TestDaemon;

  beforeAll(async () => {
    dns = await startDnsServer();
    for (const [name, folder] of [
      ['a.test', 'alice'],
      ['b.test', 'alice'],
      ['free.test', 'bob'],
      ['denied.test', 'bob'],
      ['x.below.test', 'bob'],
      ['notdenied.test', 'bob'],
      ['carol.test', 'carol'],
    ] as const) {
      dns.table.set(`_keybase_pages.${name}`, { txt: [`kbp=/keybase/public/${folder}`] });
    }
    for (const folder of ['alice', 'bob', 'carol']) {
      mount.write(`public/${folder}/hello.wasm`, guestBytes('hello'));
    }
    mount.write('public/alice/terrafirma.toml', 'host_names = ["A.test"]\n');
    const directory = mount.directory;
    daemon = await TestDaemon.start({
      args: ['--mount', `/keybase=${directory}`, '--dns', `${dns.host}:${dns.port}`],
      env: {
        TERRAFIRMA_HOSTS_DENIED: 'denied.test,*.below.test',
        TERRAFIRMA_HOSTS_DENIED_FOLDERS: '/keybase/public/carol',
      },
    });
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await dns.close();
    mount[Symbol.dispose]();
  });

  test.each([
    ['free.test', 200],
    ['notdenied.test', 200],
    ['denied.test', 403],
    ['DENIED.test', 403],
    ['x.below.test', 403],
    ['carol.test', 403],
  ])('the operator lets %s be answered with %i', async (host, status) => {
    expect((await ask(daemon.port, '/hello.wasm', { host })).status).toBe(status);
  });

  test('the owner of a folder lists are answered, and no others', async () => {
    expect((await ask(daemon.port, '/hello.wasm', { host: 'a.test' })).status).toBe(200);
    const other = await ask(daemon.port, '/hello.wasm', { host: 'b.test' });
    expect(other.status).toBe(403);
    expect(other.text).not.toContain('alice');
    mount.replace('public/alice/terrafirma.toml', 'host_names = ["b.test"]\n');
    await waitFor(async () => {
      const reply = await ask(daemon.port, '/hello.wasm', { host: 'b.test' });
      return reply.status === 200 ? true : undefined;
    });
    expect((await ask(daemon.port, '/hello.wasm', { host: 'a.test' })).status).toBe(403);
  });

  test('need the consent of their folder where the operator asks for it', async () => {
    await using strict = await TestDaemon.start({
      args: ['--mount', `/keybase=${mount.directory}`, '--dns', `${dns.host}:${dns.port}`],
      env: { TERRAFIRMA_HOSTS_REQUIRE_FOLDER_CONSENT: 'true' },
    });
    expect((await ask(strict.port, '/hello.wasm', { host: 'b.test' })).status).toBe(200);
    expect((await ask(strict.port, '/hello.wasm', { host: 'free.test' })).status).toBe(403);
  });
});

describe('behind a proxy', () => {
  test('believes those that the operator trusts', async () => {
    using folder = new TestFolder();
    folder.put('hello');
    const headers = { 'x-forwarded-for': '7.7.7.7', 'x-forwarded-proto': 'https' };
    for (const [args, expected] of [
      [['--trust-proxy', '127.0.0.0/8'], '7.7.7.7'],
      [[], '127.0.0.1'],
    ] as const) {
      await using daemon = await TestDaemon.start({ args: [folder.directory, ...args] });
      await ask(daemon.port, '/hello.wasm', { headers });
      const line = await daemon.waitForLog(({ msg }) => msg === 'request');
      expect(line.clientAddress).toBe(expected);
    }
  });
});
