/**
 * The owners' dashboard over real HTTPS: who is let in by writing a file, what he sees and may do,
 * and what strangers, other owners and hostile folders get.
 */
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runProgram } from '../commands/program.ts';
import { askAdmin, socketOf } from '../support/admin.ts';
import { waitFor } from '../support/daemon.ts';
import { guestBytes, padded, TestFolder } from '../support/folder.ts';
import { ask as askPlain } from '../support/http.ts';
import { type Browser, openBrowser } from '../support/panel-browser.ts';
import { SecureWorld } from '../support/secure-daemon.ts';
import { askHttp1, askHttp2 } from '../support/tls-client.ts';

const panel = 'panel.test';
const origin = `https://${panel}`;
const aliceKey = '/keybase/public/alice';
const isLinux = process.platform === 'linux';

describe.skipIf(!isLinux)('the owners’ dashboard (skipped but on Linux)', () => {
  let world: SecureWorld;
  const env = {
    TERRAFIRMA_DASHBOARD_HOST_NAME: panel,
    TERRAFIRMA_LIMITS_CERTIFICATE_WAIT_MS: '120000',
    TERRAFIRMA_LIMITS_HEADER_TIMEOUT_MS: '120000',
  };
  const options = { env, args: ['--quiet-ms', '50', '--poll-ms', '200'] };

  beforeAll(async () => {
    world = await SecureWorld.prepare();
    world.putFolder('public/bob');
    world.dns.table.set(panel, { a: ['127.0.0.1'] });
    world.point('alice.test');
    world.point('bob.test', 'public/bob');
    await world.startDaemon(options);
    for (const serverName of ['alice.test', 'bob.test']) {
      const { status } = await askHttp1(world.tlsPort, '/hello.wasm', { serverName, ca: world.ca });
      expect(status).toBe(200);
    }
  });

  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  let lastAddress = 0;

  /** Each has an address of its own, and keeps its own cookies. */
  function browser(): Browser {
    lastAddress += 1;
    return openBrowser({
      ...{ serverName: panel, ca: world.ca, localAddress: `127.0.1.${lastAddress}` },
      port: () => world.tlsPort,
    });
  }

  const folderOf = (name: string) => world.mount.path(`public/${name}`);
  const directoryOf = (name: string) => join(folderOf(name), '.terrafirma', 'sign-in');

  function prove(name: string, code: string): void {
    mkdirSync(directoryOf(name), { recursive: true });
    writeFileSync(join(directoryOf(name), code), '');
  }

  async function askForCode(visitor: Browser, site: string): Promise<string> {
    const { json, status } = await visitor.change('POST', '/v1/sign-in', { site });
    expect([status, json.code]).toEqual([200, expect.stringMatching(/^[0-9a-z]{20}$/)]);
    return json.code;
  }

  const stateOf = async (visitor: Browser): Promise<string> =>
    (await visitor.get('/v1/sign-in')).json.state;

  async function signIn(name: string, site = `${name}.test`): Promise<Browser> {
    const visitor = browser();
    prove(name, await askForCode(visitor, site));
    await waitFor(async () => ((await stateOf(visitor)) === 'signed-in' ? true : undefined));
    expect((await visitor.get('/v1/session')).json.folder).toBe(`/keybase/public/${name}`);
    return visitor;
  }

  test('a file in the folder signs in the one browser that shows its name', async () => {
    const visitor = browser();
    const other = browser();
    const page = await visitor.get('/');
    expect(page.status).toBe(200);
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect((await visitor.get('/v1/session')).json.code).toBe('owner-session');
    const code = await askForCode(visitor, 'alice.test');
    await askForCode(other, 'alice.test');
    expect(await stateOf(visitor)).toBe('waiting');
    const told = await runProgram(['sign-in', code, folderOf('alice')]);
    expect(told).toMatchObject({ code: 0 });
    await waitFor(async () => ((await stateOf(visitor)) === 'signed-in' ? true : undefined));
    const { json } = await visitor.get('/v1/session');
    expect(json).toMatchObject({ role: 'owner', folder: aliceKey });
    expect(json.sessions[0].address).toBe('127.0.1.0/24');
    expect(await stateOf(other)).toBe('waiting');
    // It was taken away, so that it is not taken for anything later.
    await waitFor(() => (readdirSync(directoryOf('alice')).length === 0 ? true : undefined));
    expect(visitor.cookies.get('__Host-tf')).toBeDefined();
    // The same over HTTP/2, which may send cookies in several fields.
    const overHttp2 = await askHttp2(world.tlsPort, '/v1/session', {
      ...{ serverName: panel, ca: world.ca },
      headers: { cookie: ['a=1', `__Host-tf=${visitor.cookies.get('__Host-tf')}`] },
    });
    expect(overHttp2.status).toBe(200);
    await visitor.change('DELETE', `/v1/sessions/${json.id}`);
    expect((await visitor.get('/v1/session')).status).toBe(401);
  });

  test('an address gets ten codes a minute, whatever it says of itself', async () => {
    const visitor = browser();
    for (let count = 0; count < 10; count += 1) await askForCode(visitor, 'alice.test');
    const reply = await askHttp1(world.tlsPort, '/v1/sign-in', {
      ...{ serverName: panel, ca: world.ca, method: 'POST', body: '{"site":"alice.test"}' },
      localAddress: `127.0.1.${lastAddress}`,
      headers: { 'content-type': 'application/json', 'x-terrafirma-client': '192.0.2.1' },
    });
    expect(reply.status).toBe(429);
  });

  test('a code of another folder, of nobody, or seen by others signs nobody in', async () => {
    const visitor = browser();
    const code = await askForCode(visitor, 'alice.test');
    prove('bob', code);
    const nobody = browser();
    const nobodys = await askForCode(nobody, 'there-is-no-such-name.test');
    prove('alice', nobodys);
    // Whoever sees the file in the folder has not the cookie of the browser that asked.
    const thief = browser();
    expect(await stateOf(thief)).toBe('over');
    // Bob signs in meanwhile: so his folder, with Alice's code in it, has been looked at.
    await signIn('bob');
    await signIn('alice', aliceKey);
    expect(await stateOf(visitor)).toBe('waiting');
    expect(await stateOf(nobody)).toBe('waiting');
    rmSync(join(directoryOf('bob'), code));
    rmSync(join(directoryOf('alice'), nobodys));
  });

  test('an owner gets 404 for what is another’s, as for what is nobody’s', async () => {
    const alice = await signIn('alice');
    const bob = encodeURIComponent('/keybase/public/bob');
    const own = encodeURIComponent(aliceKey);
    expect((await alice.get(`/v1/folders/${own}`)).json.modules[0].module).toBe('hello.wasm');
    const getters = ['folders', 'status', 'runs', 'bans', 'cluster'];
    const posters = ['bans', 'reload', 'drain', 'backup', 'dashboard'];
    const foreign = [
      ['GET', `/v1/folders/${bob}`],
      ['GET', `/v1/folders/${bob}/modules/hello.wasm`],
      ['POST', `/v1/folders/${bob}/modules/hello.wasm/rollback`],
      ['DELETE', `/v1/folders/${bob}/modules/hello.wasm/rollback`],
      ['GET', `/v1/kv/${bob}/hello.wasm`],
      ['PUT', `/v1/kv/${bob}/hello.wasm/aGk`],
      ['DELETE', `/v1/kv/${bob}/hello.wasm/aGk`],
      ['GET', '/v1/dns/bob.test'],
      ['POST', '/v1/dns/bob.test/refresh'],
      ['POST', '/v1/certificates/bob.test/renew'],
      ['GET', '/v1/doctor/bob.test'],
      ...getters.map((verb) => ['GET', `/v1/${verb}`] as const),
      ...posters.map((verb) => ['POST', `/v1/${verb}`] as const),
      ['GET', '/metrics'],
    ] as const;
    for (const [method, path] of foreign) {
      const body = path.endsWith('rollback') ? { digest: 'abc' } : {};
      const { status } = await (method === 'GET'
        ? alice.get(path)
        : alice.change(method, path, body));
      expect([method, path, status]).toEqual([method, path, 404]);
    }
    // What is asked of all folders answers for the own one.
    for (const path of [`/v1/log?folder=${bob}&limit=500`, `/v1/deploys?folder=${bob}`]) {
      const { text } = await alice.get(path);
      expect(text).not.toContain('bob');
    }
    const { json: top } = await alice.get('/v1/top?windowS=3600&of=folder');
    expect(top.rows.every((row: { folder: string }) => row.folder === aliceKey)).toBe(true);
    expect((await alice.get('/v1/history?of=daemon')).status).toBe(400);
    expect((await alice.get('/v1/events?topics=metrics')).status).toBe(400);
    const { json: certificates } = await alice.get('/v1/certificates');
    expect(certificates.certificates.map(({ host }: { host: string }) => host)).toEqual([
      'alice.test',
    ]);
    expect((await alice.get('/v1/dns/alice.test')).json.state).toBe('found');
    const { json: doctor } = await alice.get('/v1/doctor/alice.test');
    const told = doctor.findings.map(({ id, mark }: { id: string; mark: string }) => [id, mark]);
    for (const id of ['rules', 'meaning', 'consent']) expect(told).toContainEqual([id, 'ok']);
  });

  test('a name that a folder lists and that is another’s tells nothing of that one', async () => {
    const alice = await signIn('alice');
    // Nobody has asked for it yet, so that nobody knows that it is Bob's.
    world.point('bob-again.test', 'public/bob');
    const names = ['alice.test', 'bob-again.test'];
    const settings = join(folderOf('alice'), 'terrafirma.toml');
    writeFileSync(settings, `host_names = ${JSON.stringify(names)}\n`);
    writeFileSync(join(folderOf('bob'), 'secret.wasm'), 'no module');
    await askHttp1(world.tlsPort, '/secret.wasm', { serverName: 'bob.test', ca: world.ca });
    const own = encodeURIComponent(aliceKey);
    await waitFor(async () => {
      const { json } = await alice.get(`/v1/folders/${own}`);
      return json.listedHostNames?.includes('bob-again.test') === true ? true : undefined;
    });
    const renewal = await alice.change('POST', '/v1/certificates/bob-again.test/renew');
    expect([renewal.status, renewal.text]).toEqual([
      404,
      expect.stringContaining('host name of the folder'),
    ]);
    const { json, text } = await alice.get('/v1/doctor/bob-again.test');
    expect(json.findings).toContainEqual(expect.objectContaining({ id: 'folder', mark: 'bad' }));
    expect(text).not.toContain('secret.wasm');
    for (const id of ['rules', 'consent']) {
      expect(json.findings).not.toContainEqual(expect.objectContaining({ id }));
    }
    for (const path of [settings, join(folderOf('bob'), 'secret.wasm')]) rmSync(path);
  });

  test('nothing that an owner sees names a directory of the machine or a visitor', async () => {
    const alice = await signIn('alice');
    writeFileSync(join(folderOf('alice'), 'broken.wasm'), 'no module');
    const { serverName, ca } = { serverName: 'alice.test', ca: world.ca };
    await askHttp1(world.tlsPort, '/broken.wasm', { serverName, ca });
    const own = encodeURIComponent(aliceKey);
    for (const path of [`/v1/folders/${own}`, '/v1/log?limit=500', '/v1/deploys', '/v1/session']) {
      const { status, text } = await alice.get(path);
      expect(status).toBe(200);
      expect(text).not.toContain(world.mount.directory);
      expect(text).not.toContain(world.daemon.stateDirectory);
      expect(text).not.toContain('"127.0.0.1"');
    }
    rmSync(join(folderOf('alice'), 'broken.wasm'));
  });

  test('an owner rolls back, and the answer changes', async () => {
    const alice = await signIn('alice');
    const file = join(folderOf('alice'), 'app.wasm');
    const bodyOf = async (): Promise<string> =>
      (await askHttp1(world.tlsPort, '/app.wasm', { serverName: 'alice.test', ca: world.ca })).text;
    for (const version of ['v1', 'v2']) {
      writeFileSync(file, padded(guestBytes(version), 1));
      await waitFor(async () =>
        (await bodyOf()) === `version ${version[1]}\n` ? true : undefined,
      );
    }
    const path = `/v1/folders/${encodeURIComponent(aliceKey)}/modules/app.wasm`;
    const { json } = await alice.get(path);
    const old = json.module.versions.find(({ isServing }: { isServing: boolean }) => !isServing);
    expect(await alice.change('POST', `${path}/rollback`, { digest: old.digest })).toMatchObject({
      status: 200,
    });
    expect(await bodyOf()).toBe('version 1\n');
    const audit = await alice.get('/v1/log?event=owner-action&limit=100');
    expect(audit.json.lines.at(-1)).toMatchObject({ action: 'rollback', folderKey: aliceKey });
    await alice.change('DELETE', `${path}/rollback`);
    expect(await bodyOf()).toBe('version 2\n');
  });

  test('pages of other sites change nothing, plain HTTP shows nothing', async () => {
    const alice = await signIn('alice');
    const cookie = `__Host-tf=${alice.cookies.get('__Host-tf')}`;
    const path = `/v1/folders/${encodeURIComponent(aliceKey)}/modules/hello.wasm/rollback`;
    const post = async (headers: Readonly<Record<string, string>>): Promise<number> => {
      const { status } = await askHttp1(world.tlsPort, path, {
        ...{ serverName: panel, ca: world.ca, method: 'POST', body: '{"digest":"ab"}' },
        headers: { cookie, ...headers },
      });
      return status;
    };
    const type = { 'content-type': 'application/json' };
    expect(await post({ ...type, origin: 'https://alice.test' })).toBe(403);
    expect(await post({ ...type, origin: `http://${panel}` })).toBe(403);
    expect(await post({ ...type, origin: 'null' })).toBe(403);
    expect(await post({ origin, 'content-type': 'text/plain' })).toBe(415);
    expect(await post({ ...type, origin })).toBe(400);
    const plain = await askPlain(world.daemon.port, '/v1/session', { host: panel });
    expect(plain.status).toBe(308);
    expect(plain.headers.location).toBe(`https://${panel}:${world.tlsPort}/v1/session`);
  });

  test('no site is served at the name, above it or below it', async () => {
    for (const name of [`evil.${panel}`, 'test']) {
      world.point(name);
      const { status } = await askPlain(world.daemon.port, '/hello.wasm', { host: name });
      expect([name, status]).toEqual([name, 403]);
    }
    expect(await askAdmin(socketOf(world.daemon), '/v1/status')).toMatchObject({ status: 200 });
  });

  describe('a folder whose owner is hostile', () => {
    test.each(['.terrafirma', 'sign-in'])('does not lead elsewhere by a link at %s', async (at) => {
      const visitor = browser();
      const code = await askForCode(visitor, 'bob.test');
      const elsewhere = world.mount.path(`elsewhere-${at}`);
      const isOuter = at === '.terrafirma';
      mkdirSync(isOuter ? join(elsewhere, 'sign-in') : elsewhere, { recursive: true });
      const treasure = isOuter ? join(elsewhere, 'sign-in', code) : join(elsewhere, code);
      writeFileSync(treasure, 'not to be removed');
      const own = join(folderOf('bob'), '.terrafirma');
      rmSync(own, { recursive: true, force: true });
      if (isOuter) symlinkSync(elsewhere, own);
      else {
        mkdirSync(own);
        symlinkSync(elsewhere, join(own, 'sign-in'));
      }
      // Somebody else signs in meanwhile, so the folders were looked at.
      await signIn('alice');
      expect(await stateOf(visitor)).toBe('waiting');
      expect(existsSync(treasure)).toBe(true);
      rmSync(own, { recursive: true, force: true });
    });

    test('neither a link nor a directory of the code’s name is a file in the folder', async () => {
      const visitor = browser();
      const code = await askForCode(visitor, 'bob.test');
      mkdirSync(directoryOf('bob'), { recursive: true });
      const target = world.mount.path('somebody-elses-file');
      writeFileSync(target, 'kept');
      symlinkSync(target, join(directoryOf('bob'), code));
      await signIn('alice');
      expect(await stateOf(visitor)).toBe('waiting');
      // A hard link is a file of the folder: its entry goes, and the other one stays.
      rmSync(join(directoryOf('bob'), code));
      linkSync(target, join(directoryOf('bob'), code));
      await waitFor(async () => ((await stateOf(visitor)) === 'signed-in' ? true : undefined));
      await waitFor(() => (existsSync(join(directoryOf('bob'), code)) ? undefined : true));
      expect(existsSync(target)).toBe(true);
    });

    test('ten thousand files and a farm of links there cost one short look', async () => {
      mkdirSync(directoryOf('bob'), { recursive: true });
      for (let count = 0; count < 10_000; count += 1) {
        symlinkSync('/etc/passwd', join(directoryOf('bob'), `farm-${count}`));
      }
      const visitor = browser();
      await askForCode(visitor, 'bob.test');
      const alice = await signIn('alice');
      expect((await alice.get('/v1/session')).status).toBe(200);
      expect(await stateOf(visitor)).toBe('waiting');
      expect(readdirSync(directoryOf('bob')).length).toBe(10_000);
      rmSync(directoryOf('bob'), { recursive: true });
    });
  });

  test('a daemon that was killed has signed nobody out', async () => {
    const visitor = await signIn('alice');
    const ended = await signIn('alice');
    const { json } = await ended.get('/v1/session');
    expect((await ended.change('DELETE', `/v1/sessions/${json.id}`)).status).toBe(200);
    const { stateDirectory } = world.daemon;
    const kept = () => readFileSync(join(stateDirectory, 'owner-sessions.json'), 'utf8');
    await waitFor(() => (kept().includes(json.id) ? undefined : true));
    await world.daemon.stop('SIGKILL');
    await world.startDaemon({ ...options, stateDirectory });
    try {
      expect((await visitor.get('/v1/session')).json).toMatchObject({ folder: aliceKey });
      expect((await ended.get('/v1/session')).status).toBe(401);
      // Nobody has visited the site since: its owner sees it all the same.
      await waitFor(async () => {
        const told = await visitor.get(`/v1/folders/${encodeURIComponent(aliceKey)}`);
        return told.json.state === 'served' ? true : undefined;
      });
    } finally {
      await world.daemon.stop('SIGKILL');
      rmSync(stateDirectory, { recursive: true, force: true });
    }
  });
});

test.skipIf(!isLinux)(
  'a dashboard that could not be safe keeps the daemon from starting',
  async () => {
    const base = ['serve', '--listen', '127.0.0.1:0', '--mount', '/keybase=/tmp'];
    const start = (args: readonly string[], environment: Readonly<Record<string, string>>) =>
      runProgram([...base, ...args], { environment });
    const named = { TERRAFIRMA_DASHBOARD_HOST_NAME: panel };
    using folder = new TestFolder();
    const state = ['--state', folder.directory];
    expect(await start(state, named)).toMatchObject({ code: 2 });
    const allowed = { ...named, TERRAFIRMA_HOSTS_ALLOWED: `site.${panel}` };
    const tls = ['--tls-listen', '127.0.0.1:0', '--acme-terms-agreed', 'true'];
    const taken = await start([...state, ...tls], allowed);
    expect(taken.code).toBe(2);
    expect(taken.stderr).toContain('hosts.allowed');
    const address = await start(state, { TERRAFIRMA_DASHBOARD_HOST_NAME: '192.0.2.1' });
    expect(address.code).toBe(2);
  },
);
