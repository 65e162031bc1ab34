import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { TestAuthority } from '../support/acme-authority.ts';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';
import { SecureWorld, tlsPortOf } from '../support/secure-daemon.ts';
import { askHttp1, askHttp2, shakeHands } from '../support/tls-client.ts';

const DAY_MS = 86_400_000;

async function serialOf(port: number, serverName: string): Promise<string> {
  const socket = await shakeHands(port, { serverName });
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

describe('a certificate', () => {
  test('is renewed under running connections, and none of them is dropped', async () => {
    await using world = await SecureWorld.prepare();
    world.acme.rules.lifetimeMs = 9_000;
    world.point('site.test');
    await world.startDaemon();
    const { ca, tlsPort } = world;
    const options = { serverName: 'site.test', ca };
    expect((await askHttp1(tlsPort, '/hello.wasm', options)).status).toBe(200);
    const first = await serialOf(tlsPort, 'site.test');
    const session = connect('https://site.test', {
      createConnection: () =>
        connectTls({
          ...{ host: '127.0.0.1', port: tlsPort, servername: 'site.test', ca },
          ALPNProtocols: ['h2'],
        }),
    });
    const statuses = new Set<number>();
    const askOnSession = (): Promise<void> =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ':path': '/hello.wasm', ':authority': 'site.test' });
        stream.on('response', (headers) => statuses.add(Number(headers[':status'])));
        stream.on('error', reject);
        stream.on('close', () => resolve());
        stream.resume();
      });
    await waitFor(async () => {
      await askOnSession();
      statuses.add((await askHttp2(tlsPort, '/hello.wasm', options)).status);
      return (await serialOf(tlsPort, 'site.test')) === first ? undefined : true;
    });
    await askOnSession();
    session.close();
    expect([...statuses]).toEqual([200]);
    expect(world.acme.orders.length).toBeGreaterThanOrEqual(2);
  });

  test('of the operator wins over ACME, and is read again when its files change', async () => {
    await using world = await SecureWorld.prepare();
    const directory = mkdtempSync(join(tmpdir(), 'terrafirma-own-'));
    const authority = new TestAuthority();
    const write = (): void => {
      const validity = { notBeforeMs: Date.now() - DAY_MS, notAfterMs: Date.now() + DAY_MS };
      const { chainPem, keyPem } = authority.issueWithKey('own.test', validity);
      writeFileSync(join(directory, 'own.key'), keyPem);
      writeFileSync(join(directory, 'own.pem'), chainPem);
    };
    write();
    world.point('own.test');
    const pair = `${join(directory, 'own.pem')}=${join(directory, 'own.key')}`;
    await world.startDaemon({ args: ['--tls-certificate', pair] });
    const options = { serverName: 'own.test', ca: authority.rootPem };
    expect((await askHttp1(world.tlsPort, '/hello.wasm', options)).status).toBe(200);
    expect(world.acme.requests).toBe(0);
    const first = await serialOf(world.tlsPort, 'own.test');
    // Handshakes that name nobody get it too.
    const nobody = await shakeHands(world.tlsPort, { serverName: '' });
    expect(nobody.getPeerCertificate().serialNumber).toBe(first);
    nobody.destroy();
    write();
    await waitFor(async () =>
      (await serialOf(world.tlsPort, 'own.test')) === first ? undefined : true,
    );
    rmSync(directory, { recursive: true, force: true });
  });
});

const hasH2load = spawnSync('h2load', ['--version']).error === undefined;
if (!hasH2load) console.warn('h2load is not installed (Debian: nghttp2-client): skipped');
const hasOpenssl = spawnSync('openssl', ['version']).error === undefined;

describe.skipIf(!hasH2load)('h2load (Debian: package nghttp2-client)', () => {
  test('gets an answer to each of its requests', async () => {
    await using world = await SecureWorld.prepare();
    world.point('site.test');
    await world.startDaemon();
    const port = world.tlsPort;
    (await shakeHands(port, { serverName: 'site.test' })).destroy();
    // All at once fewer than wait for one site, should they come to the same thread.
    const { stdout } = await promisify(execFile)('h2load', [
      ...['-n', '2000', '-c', '10', '-m', '20', `--connect-to=127.0.0.1:${port}`],
      `https://site.test:${port}/hello.wasm`,
    ]);
    expect(stdout).toContain('2000 2xx');
  });
});

describe('folder mode', () => {
  test('serves HTTPS with the certificate of the operator alone', async () => {
    using folder = new TestFolder();
    folder.put('hello');
    const directory = mkdtempSync(join(tmpdir(), 'terrafirma-own-'));
    const authority = new TestAuthority();
    const validity = { notBeforeMs: Date.now() - DAY_MS, notAfterMs: Date.now() + DAY_MS };
    const { chainPem, keyPem } = authority.issueWithKey('own.test', validity);
    const files = [join(directory, 'a.pem'), join(directory, 'a.key')] as const;
    writeFileSync(files[0], chainPem);
    writeFileSync(files[1], keyPem);
    const args = [folder.directory, '--tls-listen', '127.0.0.1:0'];
    await expect(TestDaemon.start({ args })).rejects.toThrow(/tls.certificate/);
    await using daemon = await TestDaemon.start({
      args: [...args, '--tls-certificate', files.join('=')],
    });
    const options = { serverName: 'own.test', ca: authority.rootPem };
    const port = tlsPortOf(daemon);
    expect((await askHttp2(port, '/hello.wasm', options)).status).toBe(200);
    await expect(shakeHands(port, { serverName: 'else.test' })).rejects.toThrow();
    for (const [host, place] of [
      ['own.test:80', 'own.test'],
      ['127.0.0.1:80', '127.0.0.1'],
      ['[::1]', '[::1]'],
    ] as const) {
      const reply = await ask(daemon.port, '/hello.wasm', { host });
      expect(reply.status).toBe(308);
      expect(reply.headers.location).toBe(`https://${place}:${port}/hello.wasm`);
    }
    expect((await ask(daemon.port, '/', { host: '[::1@a.test]' })).status).toBe(400);
    if (hasOpenssl) {
      // As wrk does; Node.js refuses to name an address.
      for (const address of ['127.0.0.1', '::1']) {
        expect(await askAddress(port, address)).toMatch(/^HTTP\/1\.1 200 /);
      }
    }
    expect(await daemon.stop()).toEqual({ code: 0, signal: null });
    rmSync(directory, { recursive: true, force: true });
  });
});

/** One request over a handshake that names `address` in the place of a host. */
async function askAddress(port: number, address: string): Promise<string> {
  const client = ['-quiet', '-connect', `127.0.0.1:${port}`, '-servername', address];
  const running = promisify(execFile)('openssl', ['s_client', ...client]);
  running.child.stdin?.write(
    'GET /hello.wasm HTTP/1.1\r\nhost: any.test\r\nconnection: close\r\n\r\n',
  );
  return (await running).stdout;
}
