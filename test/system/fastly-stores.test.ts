/** What programs of Fastly Compute look up and keep, by the real daemon. */
import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

interface Op {
  readonly op: string;
  readonly store?: string;
  readonly key?: string;
  readonly value?: string;
  readonly more?: Readonly<Record<string, string>>;
}

/** The two characters of `fastly-stores.wat` and what it found. */
async function tell(
  daemon: TestDaemon,
  { more = {}, ...headers }: Op,
  at: { readonly host?: string; readonly path?: string } = {},
): Promise<string> {
  const { path = '/app.wasm', ...host } = at;
  const reply = await ask(daemon.port, path, { ...host, headers: { ...headers, ...more } });
  return reply.status === 200 ? reply.text : `${reply.status} ${reply.text}`;
}

const base = `
manifest_version = 3
name = "stores"

[local_server]
fake_valid_fastly_keys = ["open sesame"]
[local_server.config_stores.settings]
format = "json"
file = "data/settings.json"
[[local_server.kv_stores.notes]]
key = "seed"
data = "planted"
[[local_server.kv_stores.notes]]
key = "other"
file = "data/other.txt"
[[local_server.secret_stores.vault]]
key = "inline"
data = "hunter2"
[[local_server.secret_stores.vault]]
key = "outside"
env = "TEST_SECRET"
[[local_server.secret_stores.vault]]
key = "closed"
env = "HOME"
[local_server.acls]
home = "data/acl.json"
[local_server.device_detection]
format = "inline-toml"
user_agents = { "UA/1" = { device = { name = "one" } } }
`;

describe('a folder with a fastly.toml', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  beforeAll(async () => {
    folder.put('fastly-stores', 'app.wasm');
    folder.put('fastly-stores', 'poor.wasm');
    folder.put('hello');
    folder.write('data/settings.json', '{"greeting": "moin"}');
    folder.write('data/other.txt', 'from a file');
    folder.write('data/acl.json', '{"entries":[{"prefix":"127.0.0.0/8","action":"BLOCK"}]}');
    folder.write('index.html', 'page');
    folder.write('fastly.toml', base);
    folder.write(
      'terrafirma.toml',
      '["poor.wasm".grants]\nkv = false\nsecrets = []\nconfig = []\nacls = false\n',
    );
    daemon = await TestDaemon.start({
      args: [folder.directory],
      threads: 2,
      env: { TERRAFIRMA_SECRETS_VARIABLES: 'TEST_SECRET', TEST_SECRET: 'from the operator' },
    });
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const op = (asked: Op) => tell(daemon, asked);
  const until = (asked: Op, text: string) =>
    waitFor(async () => ((await op(asked)) === text ? true : undefined), 60_000);
  const kv = { store: 'notes' };

  test('has its config, secrets, lists, places, devices and keys', async () => {
    expect(await op({ op: 'c', store: 'settings', key: 'greeting' })).toBe('00moin');
    expect(await op({ op: 'c', store: 'settings', key: 'none' })).toBe(':0');
    expect(await op({ op: 'c', store: 'other', key: 'greeting' })).toBe('30');
    expect(await op({ op: 's', store: 'vault', key: 'inline' })).toBe('00hunter2');
    expect(await op({ op: 's', store: 'vault', key: 'outside' })).toBe('00from the operator');
    expect(await op({ op: 's', store: 'vault', key: 'closed' })).toBe(':0');
    expect(await op({ op: 'a', store: 'home' })).toBe(
      '01{"prefix":"127.0.0.0/8","action":"BLOCK"}',
    );
    expect(await op({ op: 'e' })).toContain('"country_code":"US"');
    expect(await op({ op: 'u', value: 'UA/1' })).toBe('00{"device":{"name":"one"}}');
    expect(await op({ op: 'u', value: 'UA/2' })).toBe(':0');
    expect(await op({ op: 'k', more: { 'fastly-key': 'open sesame' } })).toBe('01');
    expect(await op({ op: 'k', more: { 'fastly-key': 'open' } })).toBe('00');
    const told = await daemon.waitForLog((line) => JSON.stringify(line).includes('HOME'));
    expect(JSON.stringify(told)).toContain('HOME is not among secrets.variables of the operator');
  });

  test('shows no visitor the file, nor what it names', async () => {
    expect((await ask(daemon.port, '/index.html')).text).toBe('page');
    for (const path of ['/fastly.toml', '/FASTLY.TOML', '/data/settings.json', '/data/acl.json']) {
      const reply = await ask(daemon.port, path);
      expect([path, reply.status >= 400, reply.text.includes('moin')]).toEqual([path, true, false]);
    }
  });

  test('has nothing for a module that is granted nothing', async () => {
    const poor = (asked: Op) => tell(daemon, asked, { path: '/poor.wasm' });
    expect(await poor({ op: 'c', store: 'settings', key: 'greeting' })).toBe('30');
    expect(await poor({ op: 's', store: 'vault', key: 'inline' })).toBe(':0');
    expect(await poor({ op: 'g', ...kv, key: 'seed' })).toBe('20');
    expect(await poor({ op: 'a', store: 'home' })).toBe(':0');
  });

  test('begins its stores with seeds, and keeps what is written and deleted', async () => {
    expect(await op({ op: 'g', ...kv, key: 'seed' })).toBe('01planted');
    expect(await op({ op: 'g', ...kv, key: 'other' })).toBe('01from a file');
    expect(await op({ op: 'p', ...kv, key: 'seed', value: 'mine' })).toBe('01');
    expect(await op({ op: 'p', ...kv, key: 'own', value: 'too' })).toBe('01');
    expect(await op({ op: 'l', ...kv })).toContain('{"data":["other","own","seed"]');
    folder.replace('fastly.toml', base.replace('planted', 'planted again'));
    folder.replace('data/other.txt', 'changed');
    await until({ op: 'g', ...kv, key: 'other' }, '01changed');
    expect(await op({ op: 'g', ...kv, key: 'seed' })).toBe('01mine');
    expect(await op({ op: 'd', ...kv, key: 'other' })).toBe('01');
    folder.replace('data/other.txt', 'changed once more');
    folder.replace('data/settings.json', '{"greeting": "tach"}');
    await until({ op: 'c', store: 'settings', key: 'greeting' }, '00tach');
    expect(await op({ op: 'g', ...kv, key: 'other' })).toBe('03');
    expect(await op({ op: 'g', ...kv, key: 'own' })).toBe('01too');
  });

  test('that is wrong closes what is written for it, with its line, and nothing else', async () => {
    folder.replace('fastly.toml', `${base}\n[local_server.backends.a]\nurl = 1\n`);
    const closed = await waitFor(async () => {
      const reply = await ask(daemon.port, '/app.wasm');
      return reply.status === 412 ? reply.text : undefined;
    });
    const line = base.split('\n').length + 2;
    expect(closed).toContain(`fastly.toml:${line}: local_server.backends.a.url must be a URL`);
    expect((await ask(daemon.port, '/hello.wasm')).text).toBe('hello\n');
    expect((await ask(daemon.port, '/index.html')).text).toBe('page');
    expect((await ask(daemon.port, '/data/settings.json')).status).toBe(404);
    folder.replace('fastly.toml', base);
    await until({ op: 'c', store: 'settings', key: 'greeting' }, '00tach');
  });

  test('counts rates over all threads', async () => {
    const asked = { op: 'r', store: 'rc', key: 'visitor' };
    const told: string[] = [];
    for (let n = 0; n < 8; n += 1) told.push(await op(asked));
    // Ten a call, four a second over ten seconds: the fifth is one too many.
    expect(told).toEqual(['00', '00', '00', '00', '01', '01', '01', '01']);
    expect(await op({ ...asked, key: 'another' })).toBe('00');
  });
});

describe('two sites with the same names', () => {
  const mount = new TestFolder();
  let dns: DnsServer;
  let daemon: TestDaemon;

  beforeAll(async () => {
    const sites = ['alice', 'bob'];
    dns = await startDnsServer(
      Object.fromEntries(
        sites.map((name) => [
          `_keybase_pages.${name}.example`,
          { txt: [`kbp=/keybase/public/${name}`] },
        ]),
      ),
    );
    for (const name of sites) {
      mkdirSync(mount.path(`public/${name}`), { recursive: true });
      mount.put('fastly-stores', `public/${name}/app.wasm`);
      mount.write(
        `public/${name}/fastly.toml`,
        `[local_server.kv_stores]\nnotes = [{ key = "who", data = "${name}" }]\n`,
      );
    }
    daemon = await TestDaemon.start({
      args: [
        ...['--mount', `/keybase=${mount.directory}`],
        ...['--dns', `${dns.host}:${dns.port}`],
      ],
    });
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await dns.close();
    mount[Symbol.dispose]();
  });

  test('never meet', async () => {
    const at = (name: string, asked: Op) => tell(daemon, asked, { host: `${name}.example` });
    expect(await at('alice', { op: 'g', store: 'notes', key: 'who' })).toBe('01alice');
    expect(await at('bob', { op: 'g', store: 'notes', key: 'who' })).toBe('01bob');
    await at('alice', { op: 'p', store: 'notes', key: 'own', value: 'x' });
    expect(await at('bob', { op: 'g', store: 'notes', key: 'own' })).toBe('03');
    const rate = { op: 'r', store: 'rc', key: 'k' };
    for (let n = 0; n < 5; n += 1) await at('alice', rate);
    expect(await at('alice', rate)).toBe('01');
    expect(await at('bob', rate)).toBe('00');
  });
});
