import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AddressFilter } from '../../../src/capability/fetch/addresses.ts';
import { type Lookup, reachableAddresses } from '../../../src/capability/fetch/connect.ts';
import { OutboundHttp } from '../../../src/capability/fetch/fetch.ts';
import { Visits } from '../../../src/capability/fetch/visits.ts';
import { defaultLimits } from '../../../src/config/config.ts';
import type { FolderKey } from '../../../src/names.ts';
import { refusal, text } from '../outbound-bench.ts';

const publicIpv4 = Uint8Array.of(8, 8, 8, 8);
const publicIpv6 = Uint8Array.of(0x2a, 0, 0x14, 0x50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
const privateIpv4 = Uint8Array.of(10, 0, 0, 1);

function reach(
  hostName: string,
  answers: { readonly 4?: readonly Uint8Array[]; readonly 6?: readonly Uint8Array[] },
): Promise<readonly Uint8Array[]> {
  const lookup: Lookup = (_name, family) => {
    const answer = answers[family];
    return answer === undefined ? Promise.reject(new Error('SERVFAIL')) : Promise.resolve(answer);
  };
  const filter = new AddressFilter([], () => false);
  return reachableAddresses({ hostName, port: 80 }, { filter, lookup });
}

describe('addresses of a name', () => {
  test('both families are used in turn', async () => {
    const found = await reach('a.example', { 4: [publicIpv4, publicIpv4], 6: [publicIpv6] });
    expect(found).toEqual([publicIpv6, publicIpv4, publicIpv4]);
  });

  test('private ones are dropped, and only if none is left the name is refused', async () => {
    expect(await reach('a.example', { 4: [privateIpv4, publicIpv4], 6: [] })).toEqual([publicIpv4]);
    const sent = reach('a.example', { 4: [privateIpv4], 6: [] });
    await expect(sent).rejects.toMatchObject(refusal('forbidden', /a\.example: 10\.0\.0\.1, /));
    const literal = reach('10.0.0.1', {});
    const message = /\(--allow-outbound\): received 10\.0\.0\.1, a private/;
    await expect(literal).rejects.toMatchObject(refusal('forbidden', message));
  });

  test('one family that fails does not matter while the other answers', async () => {
    expect(await reach('a.example', { 4: [publicIpv4] })).toEqual([publicIpv4]);
    expect(await reach('a.example', { 6: [publicIpv6] })).toEqual([publicIpv6]);
    await expect(reach('a.example', {})).rejects.toMatchObject(refusal('dns', /a\.example/));
  });

  test('at most 8 are tried', async () => {
    const many = Array.from({ length: 100 }, () => publicIpv4);
    expect(await reach('a.example', { 4: many, 6: [] })).toHaveLength(8);
  });

  test.each(['localhost', 'localhost.', 'a.localhost'])(
    '%s is loopback without asking',
    async (name) => {
      const sent = reach(name, { 4: [publicIpv4], 6: [publicIpv6] });
      await expect(sent).rejects.toMatchObject(refusal('forbidden', /loopback/));
    },
  );

  test('an answer of a wrong length is refused', async () => {
    const sent = reach('a.example', { 4: [new Uint8Array(3)], 6: [] });
    await expect(sent).rejects.toMatchObject(refusal('forbidden', /not an IP address/));
  });
});

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A certificate for alice.example, signed by itself: key and certificate in PEM. */
function makeCertificate(): { readonly key: Buffer; readonly cert: Buffer } {
  const directory = mkdtempSync(join(tmpdir(), 'terrafirma-tls-'));
  const keyPath = join(directory, 'key.pem');
  const certPath = join(directory, 'cert.pem');
  const options = '-x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2'.split(' ');
  const names = ['-subj', '/CN=alice.example', '-addext', 'subjectAltName=DNS:alice.example'];
  const files = ['-keyout', keyPath, '-out', certPath];
  execFileSync('openssl', ['req', ...options, ...names, ...files], { stdio: 'ignore' });
  const made = { key: readFileSync(keyPath), cert: readFileSync(certPath) };
  rmSync(directory, { recursive: true });
  return made;
}

describe.skipIf(!hasOpenssl())('TLS (needs openssl to make a certificate)', () => {
  const outbound = new OutboundHttp({
    visits: new Visits({ key: new Uint8Array(32), runsPerVisitMax: 9 }),
    limits: { ...defaultLimits, outboundSocketsPerOriginMax: 1 },
    isClosed: () => false,
    allowedCidrs: ['127.0.0.0/8'],
    lookupOf: () => (_name, family) =>
      Promise.resolve(family === 4 ? [Uint8Array.of(127, 0, 0, 1)] : []),
  });
  const trusted = getCACertificates('default');
  const seenNames: unknown[] = [];
  const seenSockets: unknown[] = [];
  let server: Server;
  let cert = '';

  beforeAll(async () => {
    const made = makeCertificate();
    cert = made.cert.toString();
    server = createServer(made, (request, response) => {
      const { socket } = request;
      seenNames.push('servername' in socket ? socket.servername : undefined);
      seenSockets.push(socket);
      response.end(`Host ${request.headers.host}`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterAll(async () => {
    setDefaultCACertificates(trusted);
    await outbound.close();
    server.close();
  });

  function get(hostName: string, hostHeader: string): Promise<string> {
    const { port } = server.address() as AddressInfo;
    const request = {
      method: 'GET',
      url: `https://${hostName}:${port}/`,
      headers: [['host', hostHeader]] as const,
      body: new Uint8Array(),
    };
    const run = outbound.forRun({ folderKey: '/alice' as FolderKey, loopHops: 0 });
    return run.send(request, new AbortController().signal).then(text);
  }

  test('a certificate that nobody vouches for is refused', async () => {
    const why = refusal('connection', /SELF_SIGNED/);
    await expect(get('alice.example', 'alice.example')).rejects.toMatchObject(why);
  });

  test('the name in the URL is proven, whatever the Host header says', async () => {
    setDefaultCACertificates([cert]);
    expect(await get('alice.example', 'mallory.example')).toBe('Host mallory.example');
    expect(await get('alice.example', 'other.example')).toBe('Host other.example');
    expect(seenNames).toEqual(['alice.example', 'alice.example']);
    expect(new Set(seenSockets).size).toBe(1);
    const why = refusal('connection', /ALTNAME/);
    await expect(get('mallory.example', 'alice.example')).rejects.toMatchObject(why);
    await expect(get('127.0.0.1', 'alice.example')).rejects.toMatchObject(why);
  });
});
