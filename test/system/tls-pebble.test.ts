import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon, type TestDaemonOptions, waitFor } from '../support/daemon.ts';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { TestFolder } from '../support/folder.ts';
import { hasPebble, Pebble, type PebbleRules } from '../support/pebble.ts';
import { tlsPortOf } from '../support/secure-daemon.ts';
import { askHttp1, askHttp2, shakeHands } from '../support/tls-client.ts';

const run = promisify(execFile);
const isHere = hasPebble();
if (!isHere) console.warn('Pebble is not installed (Debian: apt-get install pebble): skipped');

const hasClients = ['curl', 'openssl'].every(
  (program) => spawnSync(program, ['version']).error === undefined,
);

/** Half of all signed requests are refused their nonce. */
const NONCES_REJECTED = 50;

describe.skipIf(!isHere)('with Pebble', () => {
  const mount = new TestFolder();
  let dns: DnsServer;
  let pebble: Pebble;
  let daemon: TestDaemon;

  async function startDaemon(
    options: Pick<TestDaemonOptions, 'after' | 'env'> = {},
  ): Promise<TestDaemon> {
    return TestDaemon.start({
      args: [
        ...['--mount', `/keybase=${mount.directory}`, '--dns', `${dns.host}:${dns.port}`],
        ...['--tls-listen', '127.0.0.1:0', '--acme-terms-agreed', 'true'],
        ...['--acme-directory', pebble.directoryUrl, '--acme-ca', pebble.caFile],
      ],
      ...options,
    });
  }

  function point(name: string): void {
    dns.table.set(`_keybase_pages.${name}`, { txt: ['kbp=/keybase/public/alice'] });
    dns.table.set(name, { a: ['127.0.0.1'] });
  }

  async function startPebble(rules: Partial<PebbleRules> = {}): Promise<void> {
    await pebble.start({
      ...{ httpPort: daemon.port, tlsPort: tlsPortOf(daemon), ...rules },
      dnsServer: `${dns.host}:${dns.port}`,
    });
  }

  beforeAll(async () => {
    dns = await startDnsServer();
    mount.put('hello', 'public/alice/hello.wasm');
    pebble = await Pebble.prepare();
    daemon = await startDaemon();
    await startPebble({ noncesRejected: NONCES_REJECTED });
  });

  afterAll(async () => {
    await pebble[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
    await dns.close();
    mount[Symbol.dispose]();
  });

  test('answers the first request of a name, half of the nonces refused', async () => {
    point('site.test');
    const ca = await pebble.root();
    const port = tlsPortOf(daemon);
    const first = await askHttp1(port, '/hello.wasm', { serverName: 'site.test', ca });
    expect(first.status).toBe(200);
    expect(await askHttp2(port, '/hello.wasm', { serverName: 'site.test', ca })).toMatchObject({
      status: 200,
      protocol: 'h2',
      text: first.text,
    });
  });

  test.skipIf(!hasClients)('proves itself to openssl and curl', async () => {
    const port = tlsPortOf(daemon);
    const caFile = join(pebble.directory, 'issued.pem');
    writeFileSync(caFile, await pebble.root());
    const url = `https://site.test:${port}/hello.wasm`;
    const resolve = ['--resolve', `site.test:${port}:127.0.0.1`, '--cacert', caFile];
    for (const version of ['--http2', '--http1.1']) {
      const { stdout } = await run('curl', [
        '-s',
        '-w',
        '|%{http_version}',
        version,
        ...resolve,
        url,
      ]);
      expect(stdout).toMatch(version === '--http2' ? /\|2$/ : /\|1\.1$/);
    }
    for (const version of ['-tls1_2', '-tls1_3']) {
      const { stdout } = await run('sh', [
        '-c',
        `echo | openssl s_client -connect 127.0.0.1:${port} -servername site.test ` +
          `-CAfile ${caFile} -verify_hostname site.test -verify_return_error ${version} -alpn h2`,
      ]);
      expect(stdout).toContain('Verify return code: 0 (ok)');
      expect(stdout).toContain('ALPN protocol: h2');
    }
  });

  test('is refused a name that cannot prove itself, and leaves it alone', async () => {
    dns.table.set('_keybase_pages.astray.test', { txt: ['kbp=/keybase/public/alice'] });
    // Nobody listens there.
    dns.table.set('astray.test', { a: ['127.0.0.2'] });
    const shaken = shakeHands(tlsPortOf(daemon), { serverName: 'astray.test' });
    await expect(shaken).rejects.toThrow();
    const line = await daemon.waitForLog(({ msg }) => msg === 'order failed');
    expect(line.hostName).toBe('astray.test');
    const before = pebble.output.length;
    await expect(shakeHands(tlsPortOf(daemon), { serverName: 'astray.test' })).rejects.toThrow();
    expect(pebble.output.length).toBe(before);
  });

  test.each(['http-01', 'tls-alpn-01'])('proves names by %s alone', async (type) => {
    await daemon[Symbol.asyncDispose]();
    await pebble.stop();
    daemon = await startDaemon({ env: { TERRAFIRMA_ACME_CHALLENGES: type } });
    await startPebble();
    const serverName = `${type}.test`;
    point(serverName);
    const ca = await pebble.root();
    const reply = await askHttp1(tlsPortOf(daemon), '/hello.wasm', { serverName, ca });
    expect(reply.status).toBe(200);
  });

  test('is not asked again for what was issued, nor after it has lost the account', async () => {
    const ca = await pebble.root();
    await daemon.stop('SIGKILL');
    await pebble.stop();
    daemon = await startDaemon({ after: daemon });
    const options = { serverName: 'tls-alpn-01.test', ca };
    expect((await askHttp1(tlsPortOf(daemon), '/hello.wasm', options)).status).toBe(200);
    // A new Pebble knows nobody: the account is opened again with the key that was kept.
    await startPebble();
    point('late.test');
    const late = { serverName: 'late.test', ca: await pebble.root() };
    expect((await askHttp1(tlsPortOf(daemon), '/hello.wasm', late)).status).toBe(200);
  });

  test('is asked for renewals in time, with an account bound to one it knows', async () => {
    await daemon[Symbol.asyncDispose]();
    await pebble.stop();
    const key = Buffer.alloc(32, 9).toString('base64url');
    const keyFile = join(pebble.directory, 'external.key');
    writeFileSync(keyFile, `${key}\n`);
    daemon = await startDaemon({
      env: {
        TERRAFIRMA_ACME_EXTERNAL_KEY_ID: 'kid-1',
        TERRAFIRMA_ACME_EXTERNAL_KEY_FILE: keyFile,
      },
    });
    await startPebble({ externalKeys: { 'kid-1': key }, lifetimeS: 9 });
    point('brief.test');
    const port = tlsPortOf(daemon);
    const serial = async (): Promise<string> => {
      const socket = await shakeHands(port, { serverName: 'brief.test' });
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    const first = await serial();
    await waitFor(async () => ((await serial()) === first ? undefined : true));
    const ca = await pebble.root();
    const reply = await askHttp2(port, '/hello.wasm', { serverName: 'brief.test', ca });
    expect(reply.status).toBe(200);
  });
});
