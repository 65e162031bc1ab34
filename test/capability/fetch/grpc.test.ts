/** Back-ends of HTTP/2, with and without TLS, by real servers. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend } from '../../../src/capability/fetch/contract.ts';
import type { FetchGrant } from '../../../src/capability/fetch/grant.ts';
import { refusal, text, useOutbound } from '../outbound-bench.ts';

const bench = useOutbound();
const seen: IncomingHttpHeaders[] = [];
let sessions = 0;

function answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  seen.push(headers);
  stream.on('error', () => undefined);
  if (headers[':path'] === '/refused') stream.close(7);
  else {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc' },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end('message');
  }
}

function listen(server: { listen(port: number, host: string, then: () => void): unknown }) {
  return new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
}

function granted(server: { address(): unknown }, more: Partial<Backend>): FetchGrant {
  const { port } = server.address() as AddressInfo;
  const address = { isTls: false, host: '127.0.0.1', port };
  return { outbound: undefined, backends: new Map([['rpc', { address, grpc: true, ...more }]]) };
}

describe('a back-end of gRPC without TLS', () => {
  let server: Http2Server;

  beforeAll(async () => {
    server = createServer().on('stream', answer);
    server.on('session', () => {
      sessions += 1;
    });
    await listen(server);
  });

  afterAll(() => server.close());

  test('is spoken to by HTTP/2, asked for trailers, and gives them', async () => {
    const run = bench.openRun({}, granted(server, {}));
    const request = {
      method: 'POST',
      url: 'http://x.example/pkg.Service/Call',
      headers: [['te', 'trailers']] as const,
      body: Buffer.from('ask'),
      backend: 'rpc',
    };
    const reply = await run.open(request, new AbortController().signal);
    expect(reply.status).toBe(200);
    expect(Buffer.from((await reply.body.read()) ?? []).toString()).toBe('message');
    expect(await reply.body.read()).toBeUndefined();
    expect(reply.body.trailers).toContainEqual(['grpc-status', '0']);
    expect(seen.at(-1)).toMatchObject({ ':authority': 'x.example', te: 'trailers' });
  });

  test('takes many requests at once on few connections', async () => {
    const before = sessions;
    const run = bench.openRun({}, granted(server, { connectionsMax: 1 }));
    const send = () => bench.send(run, 'http://x.example/', { backend: 'rpc' });
    const replies = await Promise.all([send(), send(), send(), send(), send(), send()]);
    expect(replies.map(text)).toEqual(Array.from({ length: 6 }, () => 'message'));
    expect(sessions).toBe(before + 1);
  });

  test('says by what it refused a request', async () => {
    const run = bench.openRun({}, granted(server, {}));
    const failure = await bench.send(run, 'http://x.example/refused', { backend: 'rpc' }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(run.faultOf(failure)).toEqual({ type: 'h2_error', http2: { frame: 3, code: 7 } });
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

describe.skipIf(!hasOpenssl())('a back-end of gRPC over TLS (needs openssl)', () => {
  const directory = mkdtempSync(join(tmpdir(), 'grpc-'));
  let server: Http2SecureServer;
  let key = '';
  let cert = '';

  beforeAll(async () => {
    const [certFile, keyFile] = [join(directory, 'c.pem'), join(directory, 'k.pem')];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const names = ['-subj', '/CN=rpc.example', '-addext', 'subjectAltName=DNS:rpc.example'];
    const files = ['-keyout', keyFile, '-out', certFile];
    execFileSync('openssl', ['req', '-x509', ...curve, ...files, '-days', '2', ...names], {
      stdio: 'ignore',
    });
    key = readFileSync(keyFile, 'utf8');
    cert = readFileSync(certFile, 'utf8');
    server = createSecureServer({ key, cert }).on('stream', answer);
    await listen(server);
  });

  afterAll(() => {
    server.close();
    rmSync(directory, { recursive: true });
  });

  function secure(of: { address(): unknown }): FetchGrant {
    const { port } = of.address() as AddressInfo;
    const address = { isTls: true, host: '127.0.0.1', port };
    return granted(of, { address, ca: cert, certificateHost: 'rpc.example' });
  }

  test('is spoken to by HTTP/2', async () => {
    const run = bench.openRun({}, secure(server));
    const reply = await bench.send(run, 'http://x.example/', { backend: 'rpc' });
    expect(text(reply)).toBe('message');
  });

  test('that does not agree to HTTP/2 is refused', async () => {
    const older = createHttps({ key, cert }, (_request, response) => response.end());
    await listen(older);
    const run = bench.openRun({}, secure(older));
    const sent = bench.send(run, 'http://x.example/', { backend: 'rpc' });
    await expect(sent).rejects.toMatchObject(refusal('connection'));
    older.close();
  });
});
