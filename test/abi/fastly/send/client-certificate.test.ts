/** A guest shows a back-end its certificate, with a key that it holds as a secret. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FastlyPuppet } from '../../../support/fastly-puppet.ts';
import {
  BODY,
  DETAIL,
  makeRequest,
  REQ,
  RESPONSE,
  replyOf,
  useSending,
} from '../../../support/fastly-sending.ts';

const bench = useSending();
const CFG = 16_000;
const TEXTS = 17_000;
const USE_SSL = 32;
const CERT_HOSTNAME = 256;
const CA = 512;
const CLIENT_CERT = 8_192;
const at = { certHostname: 28, ca: 36, clientCertificate: 60, clientKey: 68 } as const;

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!hasOpenssl())('a client certificate (needs openssl)', () => {
  const directory = mkdtempSync(join(tmpdir(), 'client-certificate-'));
  let server: Server;
  let cert = '';
  let key = '';

  beforeAll(async () => {
    const [certFile, keyFile] = [join(directory, 'c.pem'), join(directory, 'k.pem')];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const names = ['-subj', '/CN=inner.example', '-addext', 'subjectAltName=DNS:inner.example'];
    const files = ['-keyout', keyFile, '-out', certFile];
    const args = ['req', '-x509', ...curve, ...files, '-days', '2', ...names];
    execFileSync('openssl', args, { stdio: 'ignore' });
    cert = readFileSync(certFile, 'utf8');
    key = readFileSync(keyFile, 'utf8');
    const options = { cert, key, ca: cert, requestCert: true, rejectUnauthorized: true };
    server = createServer(options, (request, response) => {
      response.end((request.socket as TLSSocket).getPeerCertificate().subject.CN);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterAll(() => {
    server.closeAllConnections();
    server.close();
    rmSync(directory, { recursive: true });
  });

  /** Registers the server as `mine`, with what of the certificate is given. */
  function register(puppet: FastlyPuppet, secret?: number): Promise<number> {
    let next = TEXTS;
    const put = (offset: number, text: string): void => {
      const [ptr, len] = puppet.put(next, text);
      next += len;
      puppet.bytes.writeUInt32LE(ptr, CFG + offset);
      puppet.bytes.writeUInt32LE(len, CFG + offset + 4);
    };
    put(at.certHostname, 'inner.example');
    put(at.ca, cert);
    put(at.clientCertificate, cert);
    puppet.bytes.writeUInt32LE(secret ?? 0, CFG + at.clientKey);
    const mask = USE_SSL | CERT_HOSTNAME | CA | (secret === undefined ? 0 : CLIENT_CERT);
    const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    return puppet.call(`${REQ}.register_dynamic_backend`, 'mine', target, mask, CFG);
  }

  async function send(puppet: FastlyPuppet): Promise<number> {
    const [request, body] = [await makeRequest(puppet), await puppet.body()];
    puppet.bytes.writeUInt32LE(0xffff_ffff, DETAIL + 4);
    const args = [request, body, 'mine', DETAIL, RESPONSE, BODY];
    return puppet.call(`${REQ}.send_v2`, ...args);
  }

  test('is shown, with the key of a secret', async () => {
    const puppet = await bench.puppet();
    const secret = await puppet.number('fastly_secret_store.from_bytes', key);
    expect(await register(puppet, secret)).toBe(0);
    expect(await send(puppet)).toBe(0);
    expect((await replyOf(puppet)).text).toBe('inner.example');
  });

  test('that is missing is missed by a server that wants one', async () => {
    const puppet = await bench.puppet();
    expect(await register(puppet)).toBe(0);
    expect(await send(puppet)).toBe(9);
    // It hangs up once the handshake is over.
    expect(puppet.u32(DETAIL)).toBe(8);
  });

  test('needs a secret that is there, and a key that is one', async () => {
    const puppet = await bench.puppet();
    expect(await register(puppet, 99)).toBe(3);
    const other = await puppet.number('fastly_secret_store.from_bytes', 'no key');
    expect(await register(puppet, other)).toBe(0);
    expect(await send(puppet)).toBe(1);
    expect(puppet.u32(DETAIL)).toBe(12);
  });
});
