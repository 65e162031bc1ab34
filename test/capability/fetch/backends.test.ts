import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend } from '../../../src/capability/fetch/contract.ts';
import type { FetchGrant } from '../../../src/capability/fetch/grant.ts';
import { workOutFetchGrant } from '../../../src/capability/fetch/grant.ts';
import type { FolderKey } from '../../../src/names.ts';
import { parseSettings } from '../../../src/site/settings.ts';
import { refusal, text, useOutbound } from '../outbound-bench.ts';

const bench = useOutbound();

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function granted(backends: Readonly<Record<string, Backend>>): FetchGrant {
  return { outbound: undefined, backends: new Map(Object.entries(backends)) };
}

function plain(more: Partial<Backend> = {}): Backend {
  return { address: { isTls: false, host: '127.0.0.1', port: bench.server.port }, ...more };
}

/** What the system waits for on the connections to that port: proc_net_tcp(5), `tr`. */
function timersTo(port: number): readonly string[] {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  const theirs = lines.filter((line) => line.trim().split(/\s+/)[2]?.endsWith(`:${hexPort}`));
  return theirs.map((line) =>
    line.trim().split(/\s+/)[5]?.startsWith('02') ? 'keep-alive' : 'other',
  );
}

describe('a back-end', () => {
  test('gets the request, whatever host its URL names, which is the Host header', async () => {
    const run = bench.openRun({}, granted({ origin: plain() }));
    const reply = await bench.send(run, 'https://shop.example/cart?id=1', { backend: 'origin' });
    expect(text(reply)).toBe('GET ');
    expect(bench.server.seen[0]).toMatchObject({ url: '/cart?id=1' });
    expect(bench.server.seen[0]?.headers.host).toBe('shop.example');
  });

  test.each([
    ['its own name', { host: 'back.example' }, [['host', 'said.example']], 'back.example'],
    ['what the request says', {}, [['host', 'said.example']], 'said.example'],
  ] as const)('hears %s as Host', async (_what, more, headers, host) => {
    const run = bench.openRun({}, granted({ origin: plain(more) }));
    await bench.send(run, 'https://shop.example/', { backend: 'origin', headers });
    expect(bench.server.seen[0]?.headers.host).toBe(host);
  });

  test('that is not there is refused, and says nothing of names', async () => {
    const sent = bench.send(bench.openRun(), 'https://shop.example/', { backend: 'vault' });
    await expect(sent).rejects.toMatchObject(refusal('input', /^((?!vault).)*$/));
  });

  test('may be named as the host of a URL, with either scheme', async () => {
    const run = bench.openRun({}, granted({ origin: plain({ host: 'shop.example' }) }));
    await bench.send(run, 'http://origin/cart?id=1');
    await bench.send(run, 'https://origin/more');
    expect(bench.server.seen.map(({ url }) => url)).toEqual(['/cart?id=1', '/more']);
    expect(bench.server.seen[0]?.headers.host).toBe('shop.example');
  });

  test('hears no host that is only its name', async () => {
    const run = bench.openRun({}, granted({ origin: plain() }));
    await bench.send(run, 'http://origin/');
    expect(bench.server.seen[0]?.headers.host).toBe(`127.0.0.1:${bench.server.port}`);
  });

  test.each(['http://vault/', 'http://origin:8080/', 'http://origin.example/'])(
    'is not what %s names',
    async (url) => {
      const run = bench.openRun({}, { ...granted({ origin: plain() }), outbound: [] });
      await expect(bench.send(run, url)).rejects.toMatchObject(refusal('forbidden'));
      expect(bench.server.seen).toEqual([]);
    },
  );

  test('has a path that stands before that of each request', async () => {
    const address = { isTls: false, host: '127.0.0.1', port: bench.server.port, path: '/v1' };
    const run = bench.openRun({}, granted({ origin: plain({ address }) }));
    await bench.send(run, 'https://shop.example/cart?id=1', { backend: 'origin' });
    await bench.send(run, 'http://origin/');
    // A way out of the path would be a way to what the owner did not mean.
    await bench.send(run, 'https://shop.example/../../admin', { backend: 'origin' });
    expect(bench.server.seen.map(({ url }) => url)).toEqual(['/v1/cart?id=1', '/v1/', '/v1/admin']);
  });

  test.skipIf(process.platform !== 'linux')('lets TCP ask whether it is there', async () => {
    const asked = { tcpKeepAlive: true, tcpKeepAliveIdleMs: 9_000, tcpKeepAliveProbes: 3 };
    const run = bench.openRun({}, granted({ asked: plain(asked), plain: plain() }));
    const timers = async (backend: string) => {
      await bench.send(run, 'http://x.example/', { backend });
      return timersTo(bench.server.port);
    };
    expect(await timers('plain')).not.toContain('keep-alive');
    expect(await timers('asked')).toContain('keep-alive');
  });

  test('tells its times, within those of the operator', () => {
    const { backends } = bench.openRun();
    expect(backends.timesOf(plain({ firstByteTimeoutMs: 99_000, keepAliveMs: 1 }))).toEqual({
      connectMs: 10_000,
      firstByteMs: 20_000,
      betweenBytesMs: 20_000,
      keepAliveMs: 1,
    });
  });

  test('gives its redirects to the guest', async () => {
    const run = bench.openRun({}, granted({ origin: plain() }));
    const reply = await bench.send(run, 'http://x.example/?to=/else', { backend: 'origin' });
    expect(reply.status).toBe(302);
  });

  test('is held to the rules for addresses', async () => {
    const run = bench.openRun({ allowedCidrs: [] }, granted({ origin: plain() }));
    const sent = bench.send(run, 'http://x.example/', { backend: 'origin' });
    await expect(sent).rejects.toMatchObject(refusal('forbidden'));
  });

  test('has times of its own', async () => {
    const slow = plain({ firstByteTimeoutMs: 100 });
    const run = bench.openRun({}, granted({ slow }));
    const sent = bench.send(run, 'http://x.example/silent', { backend: 'slow' });
    await expect(sent).rejects.toMatchObject(refusal('timeout'));
  });

  test('may have one connection, which the next request waits for', async () => {
    const run = bench.openRun({}, granted({ origin: plain({ connectionsMax: 1 }) }));
    const send = () => bench.send(run, 'http://x.example/', { backend: 'origin' });
    await Promise.all([send(), send(), send()]);
    expect(bench.server.sockets).toHaveLength(1);
  });

  test('has no connection for longer than so many requests', async () => {
    const run = bench.openRun({}, granted({ origin: plain({ usesMax: 1 }) }));
    const send = () => bench.send(run, 'http://x.example/', { backend: 'origin' });
    await send();
    await send();
    expect(bench.server.sockets).toHaveLength(2);
  });

  test('shares its connections with the runs of its folder alone', async () => {
    const origin = plain({ connectionsMax: 1 });
    const outbound = bench.open();
    const of = (folderKey: string) =>
      outbound.forRun({
        folderKey: folderKey as FolderKey,
        loopHops: 0,
        grant: granted({ origin }),
      });
    const send = (folderKey: string) =>
      bench.send(of(folderKey), 'http://x.example/', { backend: 'origin' });
    await send('/keybase/public/alice');
    await send('/keybase/public/alice');
    expect(bench.server.sockets).toHaveLength(1);
    await send('/keybase/public/mallory');
    expect(bench.server.sockets).toHaveLength(2);
  });
});

describe('a back-end of a run', () => {
  test('is there for the run that added it', async () => {
    const outbound = bench.open();
    const run = outbound.forRun({ folderKey: '/a' as FolderKey, loopHops: 0 });
    run.backends.add('mine', plain());
    expect(run.backends.isAdded('mine')).toBe(true);
    expect(run.backends.healthOf('mine')).toBe('unknown');
    expect((await bench.send(run, 'http://x.example/', { backend: 'mine' })).status).toBe(200);
    const other = outbound.forRun({ folderKey: '/a' as FolderKey, loopHops: 0 });
    expect(other.backends.find('mine')).toBeUndefined();
  });

  test('never takes the name of another', () => {
    const { backends } = bench.openRun({}, granted({ origin: plain() }));
    expect(() => backends.add('origin', plain())).toThrow('its name must be free');
    expect(backends.isAdded('origin')).toBe(false);
  });

  test('may be one of so many', () => {
    const { backends } = bench.openRun();
    for (let at = 0; at < 64; at += 1) backends.add(`b${at}`, plain());
    expect(() => backends.add('one more', plain())).toThrow('a run may add 64');
  });

  test('must be where the folder lets its modules go', () => {
    const grant = { outbound: [], backends: new Map() };
    const { backends } = bench.openRun({}, grant);
    expect(() => backends.add('mine', plain())).toThrow("the folder's list must have it");
  });
});

describe('what a folder grants', () => {
  const toml = (lines: string) => parseSettings(Buffer.from(lines), 100_000);

  test('is asked before DNS and at each redirect', async () => {
    const { port } = bench.server;
    const settings = toml(`[grants]\noutbound = ["http://127.0.0.1:${port}"]`);
    const run = bench.openRun({}, workOutFetchGrant(settings, 'a.wasm'));
    expect((await bench.send(run, '/')).status).toBe(200);
    const why = refusal('forbidden', /^Cannot fetch http:\/\/x\.example: the folder's list must/);
    await expect(bench.send(run, 'http://x.example/')).rejects.toMatchObject(why);
    const target = encodeURIComponent(`http://localhost:${port}/`);
    const sent = bench.send(run, `/?to=${target}`);
    await expect(sent).rejects.toMatchObject(refusal('forbidden', /the folder's list/));
    expect(bench.server.seen).toHaveLength(2);
  });

  test('is each back-end by name, with the secret it needs', () => {
    const settings = toml(`
      [backends.one]
      url = "https://one.example"
      client_certificate = "-----BEGIN CERTIFICATE-----"
      client_key = "vault/key"
      [backends.two]
      url = "http://two.example:8080"
      [secrets.vault]
      key = "pem"
      ["b.wasm".grants]
      backends = ["two"]
      ["c.wasm".grants]
      backends = false
    `);
    const of = (path: string) => workOutFetchGrant(settings, path).backends;
    expect([...of('a.wasm').keys()]).toEqual(['one', 'two']);
    expect(of('a.wasm').get('one')).toMatchObject({ clientKeyPem: 'pem' });
    expect(of('a.wasm').get('one')).not.toHaveProperty('clientKey');
    expect([...of('b.wasm').keys()]).toEqual(['two']);
    expect(of('c.wasm').size).toBe(0);
  });
});

describe.skipIf(!hasOpenssl())('TLS of a back-end (needs openssl)', () => {
  let directory: string;
  let server: Server;
  let cert: string;
  let key: string;
  const seen: { readonly servername: unknown; readonly client: unknown }[] = [];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'backends-'));
    const [certFile, keyFile] = [join(directory, 'c.pem'), join(directory, 'k.pem')];
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
        ...['-keyout', keyFile, '-out', certFile, '-days', '2', '-subj', '/CN=inner.example'],
        ...['-addext', 'subjectAltName=DNS:inner.example'],
      ],
      { stdio: 'ignore' },
    );
    cert = readFileSync(certFile, 'utf8');
    key = readFileSync(keyFile, 'utf8');
    const options = { cert, key, ca: cert, requestCert: true, rejectUnauthorized: false };
    server = createServer(options, (request, response) => {
      const socket = request.socket as import('node:tls').TLSSocket;
      seen.push({
        servername: socket.servername,
        client: socket.getPeerCertificate()?.subject?.CN,
      });
      response.end('secret');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterAll(() => {
    server.closeAllConnections();
    server.close();
    rmSync(directory, { recursive: true });
  });

  function secure(more: Partial<Backend>): FetchGrant {
    const { port } = server.address() as AddressInfo;
    return granted({ origin: { address: { isTls: true, host: '127.0.0.1', port }, ...more } });
  }

  const send = (grant: FetchGrant) =>
    bench.send(bench.openRun({}, grant), 'https://x.example/', { backend: 'origin' });

  test('proves the name, by the authorities and with the SNI that it is told', async () => {
    const grant = secure({ ca: cert, certificateHost: 'inner.example', sni: 'sent.example' });
    expect(text(await send(grant))).toBe('secret');
    expect(seen.at(-1)).toEqual({ servername: 'sent.example', client: undefined });
  });

  test('sends no SNI where it is empty', async () => {
    await send(secure({ ca: cert, certificateHost: 'inner.example', sni: '' }));
    expect(seen.at(-1)?.servername).toBe(false);
  });

  test('refuses another name and another authority', async () => {
    const named = send(secure({ ca: cert, certificateHost: 'other.example' }));
    await expect(named).rejects.toMatchObject(refusal('connection', /ALTNAME/));
    const unknown = send(secure({ certificateHost: 'inner.example' }));
    await expect(unknown).rejects.toMatchObject(refusal('connection', /SELF_SIGNED/));
  });

  test('shows the certificate of the client', async () => {
    const certificates = { clientCertificate: cert, clientKeyPem: key };
    await send(secure({ ca: cert, certificateHost: 'inner.example', ...certificates }));
    expect(seen.at(-1)?.client).toBe('inner.example');
  });

  test('says by what alert or certificate it was refused', async () => {
    const failureOf = async (grant: FetchGrant) => {
      const run = bench.openRun({}, grant);
      const sent = bench.send(run, 'https://x.example/', { backend: 'origin' });
      return run.faultOf(
        await sent.then(
          () => undefined,
          (error: unknown) => error,
        ),
      );
    };
    const other = secure({ ca: cert, certificateHost: 'other.example' });
    expect(await failureOf(other)).toEqual({ type: 'tls_certificate_error' });
    const name = { ca: cert, certificateHost: 'inner.example' };
    // The server has no version below 1.2: it says so by alert 70 (protocol_version).
    const old = secure({ ...name, tlsMin: '1.0', tlsMax: '1.1' });
    expect(await failureOf(old)).toEqual({ type: 'tls_alert_received', tlsAlert: 70 });
    const broken = secure({ ...name, clientCertificate: cert, clientKeyPem: 'no PEM' });
    expect(await failureOf(broken)).toEqual({ type: 'tls_configuration_error' });
  });

  test('keeps to its versions, and refuses what cannot be used', async () => {
    const name = { ca: cert, certificateHost: 'inner.example' };
    expect(text(await send(secure({ ...name, tlsMin: '1.3' })))).toBe('secret');
    const broken = send(secure({ ...name, clientCertificate: cert, clientKeyPem: 'no PEM' }));
    await expect(broken).rejects.toMatchObject(refusal('input', /TLS settings/));
    const ciphers = send(secure({ ...name, tlsMax: '1.2', ciphers: 'no-such-cipher' }));
    await expect(ciphers).rejects.toMatchObject(refusal('input', /TLS settings/));
  });
});
