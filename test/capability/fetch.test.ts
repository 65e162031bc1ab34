import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Fetch, Header, OutboundReply } from '../../src/capability/capability.ts';
import { OutboundHttp, type OutboundOptions } from '../../src/capability/fetch.ts';
import { defaultLimits } from '../../src/config/config.ts';
import type { FolderKey } from '../../src/names.ts';
import { LoopbackServer, type SeenRequest } from './loopback-server.ts';

const folderKey = '/keybase/public/alice' as FolderKey;
const loopback = ['127.0.0.0/8', '::1/128'];
const never = new AbortController().signal;

let server: LoopbackServer;
const opened: OutboundHttp[] = [];

beforeEach(async () => {
  server = new LoopbackServer(answer);
  await server.listen();
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((outbound) => outbound.close()));
  await server.close();
});

function answer(request: SeenRequest, response: ServerResponse): void {
  const url = new URL(request.url, 'http://x');
  const bytes = Number(url.searchParams.get('bytes'));
  const location = url.searchParams.get('to');
  if (url.pathname === '/silent') return;
  if (url.pathname === '/stall') response.write('begun');
  else if (url.pathname === '/broken') response.socket?.destroy();
  else if (url.pathname === '/garbage') response.socket?.end('SMTP ready\r\n\r\n');
  else if (url.pathname === '/upgrade') {
    response.socket?.end(
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
    );
  } else if (url.pathname === '/headers') {
    for (let at = 0; at < bytes; at += 1) response.setHeader(`x-${at}`, 'v');
    response.end();
  } else if (url.pathname === '/big-header') response.setHeader('x', 'v'.repeat(bytes)).end();
  else if (url.pathname === '/gzip') response.setHeader('content-encoding', 'gzip').end('not gzip');
  else if (url.pathname === '/hint') {
    response.writeEarlyHints({ link: '</a.css>; rel=preload' });
    response.end('after the hint');
  } else if (location !== null) {
    const status = Number(url.searchParams.get('status') ?? 302);
    response.writeHead(status, { location }).end();
  } else if (bytes > 0) response.setHeader('content-length', bytes).end('b'.repeat(bytes));
  else {
    response.setHeader('Set-Cookie', ['a=1', 'b=2']);
    response.end(`${request.method} ${request.body}`);
  }
}

function open(options: Partial<OutboundOptions> = {}): OutboundHttp {
  const outbound = new OutboundHttp({
    limits: defaultLimits,
    allowedCidrs: loopback,
    lookup: () => Promise.reject(new Error('no name is asked for here')),
    ...options,
  });
  opened.push(outbound);
  return outbound;
}

function openRun(options: Partial<OutboundOptions> = {}): Fetch {
  return open(options).forRun({ folderKey, loopHops: 0 });
}

function withLimit(limits: Partial<Record<keyof typeof defaultLimits, number>>): Fetch {
  return openRun({ limits: { ...defaultLimits, ...limits } });
}

interface Sending {
  readonly method?: string;
  readonly headers?: readonly Header[];
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
}

function send(fetch: Fetch, path: string, sending: Sending = {}): Promise<OutboundReply> {
  const { method = 'GET', headers = [], body = '', signal = never } = sending;
  const url = path.startsWith('/') ? `http://127.0.0.1:${server.port}${path}` : path;
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  return fetch.send({ method, url, headers, body: bytes }, signal);
}

function text(reply: OutboundReply): string {
  return new TextDecoder().decode(reply.body);
}

function refusal(kind: string, message: string | RegExp = ''): object {
  return { name: 'CapabilityRefusal', kind, message: expect.stringMatching(message) };
}

describe('a request', () => {
  test('carries method, body, headers and a Host of its own, and gets every header line back', async () => {
    const headers: Header[] = [
      ['Host', 'other.example'],
      ['X-A', '1'],
      ['x-a', '2'],
    ];
    const reply = await send(openRun(), '/a?b', { method: 'POST', headers, body: 'body' });
    expect(reply.status).toBe(200);
    expect(text(reply)).toBe('POST body');
    const cookies = reply.headers.filter(([name]) => name === 'set-cookie');
    expect(cookies).toEqual([
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ]);
    expect(reply.headers.some(([name]) => name === 'connection')).toBe(false);
    expect(server.seen[0]).toMatchObject({ method: 'POST', url: '/a?b' });
    expect(server.seen[0]?.headers).toMatchObject({ host: 'other.example', 'x-a': '1, 2' });
  });

  test('a GET may have a body, and an empty body is none', async () => {
    const run = openRun();
    expect(text(await send(run, '/', { body: 'asked' }))).toBe('GET asked');
    await send(run, '/');
    expect(server.seen[1]?.headers['content-length']).toBeUndefined();
  });

  test('a HEAD gets headers without a body', async () => {
    const reply = await send(openRun(), '/?bytes=7', { method: 'head' });
    expect(reply.body.byteLength).toBe(0);
    expect(reply.headers).toContainEqual(['content-length', '7']);
  });

  test('a view into larger memory is copied before the guest can change it', async () => {
    const memory = new Uint8Array(64).fill(0x61);
    const sent = send(openRun(), '/', { method: 'PUT', body: memory.subarray(8, 12) });
    memory.fill(0x62);
    expect(text(await sent)).toBe('PUT aaaa');
  });

  test('bytes pass as received: nothing is decompressed', async () => {
    const reply = await send(openRun(), '/gzip');
    expect(text(reply)).toBe('not gzip');
    expect(reply.headers).toContainEqual(['content-encoding', 'gzip']);
  });

  test('news before the reply (1xx) is passed over', async () => {
    expect(text(await send(openRun(), '/hint'))).toBe('after the hint');
  });

  test('every request carries the loop guard, one hop longer', async () => {
    await send(open().forRun({ folderKey, loopHops: 2 }), '/');
    expect(server.seen[0]?.headers['cdn-loop']).toBe('terrafirma, terrafirma, terrafirma');
  });

  test('one connection is used again', async () => {
    const run = openRun();
    for (let count = 0; count < 10; count += 1) await send(run, '/');
    expect(server.sockets.length).toBeLessThan(5);
  });

  test('two folders never share a connection', async () => {
    const outbound = open();
    await send(outbound.forRun({ folderKey, loopHops: 0 }), '/');
    const before = new Set(server.sockets.map((socket) => socket.remotePort));
    const mallory = '/keybase/public/mallory' as FolderKey;
    await send(outbound.forRun({ folderKey: mallory, loopHops: 0 }), '/');
    expect(before.size).toBe(1);
    expect(server.sockets.length).toBe(2);
  });

  test('a kept connection that the server closed is replaced without the guest noticing', async () => {
    const run = openRun();
    await send(run, '/');
    for (const socket of server.sockets) socket.destroy();
    expect((await send(run, '/')).status).toBe(200);
  });
});

describe('addresses', () => {
  test.each([
    'http://127.0.0.1:PORT/',
    'http://localhost:PORT/',
    'http://a.localhost.:PORT/',
    'http://2130706433:PORT/',
    'http://0x7f.1:PORT/',
    'http://[::1]:PORT/',
    'http://[::ffff:127.0.0.1]:PORT/',
    'http://0.0.0.0:PORT/',
    'http://[::]:PORT/',
  ])('%s is refused unless the operator allows it, and nothing is sent', async (url) => {
    const run = openRun({ allowedCidrs: [] });
    const sent = send(run, url.replace('PORT', String(server.port)));
    await expect(sent).rejects.toMatchObject(refusal('forbidden', /^Cannot connect: /));
    expect(server.sockets).toEqual([]);
  });

  test('an IPv4-mapped address is reached when its IPv4 network is allowed', async () => {
    const run = openRun({ allowedCidrs: ['127.0.0.0/8'] });
    const reply = await send(run, `http://[::ffff:127.0.0.1]:${server.port}/`);
    expect(reply.status).toBe(200);
  });

  test('a name is connected to the very address that was judged, asked for once', async () => {
    const asked: string[] = [];
    const run = openRun({
      lookup: (name, family) => {
        asked.push(`${name} ${family}`);
        return Promise.resolve(family === 4 ? [Uint8Array.of(127, 0, 0, 1)] : []);
      },
    });
    expect((await send(run, `http://rebind.example:${server.port}/`)).status).toBe(200);
    expect(asked).toEqual(['rebind.example 4', 'rebind.example 6']);
  });

  test('a name that turns to a private address later is refused then', async () => {
    let turn = 0;
    const lookup = (_name: string, family: 4 | 6): Promise<readonly Uint8Array[]> => {
      if (family === 6) return Promise.resolve([]);
      turn += 1;
      return Promise.resolve([Uint8Array.of(127, 0, 0, turn === 1 ? 1 : 2)]);
    };
    const outbound = open({ allowedCidrs: ['127.0.0.1/32'], lookup });
    const url = `http://rebind.example:${server.port}/`;
    expect((await send(outbound.forRun({ folderKey, loopHops: 0 }), url)).status).toBe(200);
    const other = outbound.forRun({ folderKey: '/other' as FolderKey, loopHops: 0 });
    await expect(send(other, url)).rejects.toMatchObject(refusal('forbidden', /127\.0\.0\.2/));
  });

  test('a redirect to a private address is refused', async () => {
    const run = openRun({ allowedCidrs: ['127.0.0.1/32'] });
    const sent = send(run, `/?to=${encodeURIComponent(`http://127.0.0.2:${server.port}/`)}`);
    await expect(sent).rejects.toMatchObject(refusal('forbidden', /loopback/));
    const metadata = send(run, '/?to=http://169.254.169.254/latest/meta-data/');
    await expect(metadata).rejects.toMatchObject(refusal('forbidden', /metadata/));
  });

  test('a name without addresses is said to have none', async () => {
    const sent = send(openRun(), `http://nothing.example:${server.port}/`);
    await expect(sent).rejects.toMatchObject(refusal('dns', /received nothing\.example$/));
  });
});

describe('redirects', () => {
  test('are followed, relative and absolute', async () => {
    const reply = await send(openRun(), `/?to=${encodeURIComponent('/?status=301&to=/end')}`);
    expect(text(reply)).toBe('GET ');
    expect(server.seen.map(({ url }) => url)).toEqual([
      '/?to=%2F%3Fstatus%3D301%26to%3D%2Fend',
      '/?status=301&to=/end',
      '/end',
    ]);
  });

  test('307 sends the body again', async () => {
    const reply = await send(openRun(), '/?status=307&to=/end', { method: 'POST', body: 'kept' });
    expect(text(reply)).toBe('POST kept');
  });

  test('another origin does not see credentials', async () => {
    const headers: Header[] = [
      ['Authorization', 'secret'],
      ['Cookie', 'c'],
      ['X', '1'],
    ];
    const to = encodeURIComponent(`http://localhost:${server.port}/end`);
    await send(openRun(), `/?to=${to}`, { headers });
    expect(server.seen[0]?.headers.authorization).toBe('secret');
    expect(server.seen[1]?.headers).toMatchObject({ x: '1' });
    expect(server.seen[1]?.headers).not.toHaveProperty('authorization');
    expect(server.seen[1]?.headers).not.toHaveProperty('cookie');
  });

  test('more than outboundRedirectsMax are refused', async () => {
    const twice = `/?to=${encodeURIComponent('/?to=/end')}`;
    expect((await send(withLimit({ outboundRedirectsMax: 2 }), twice)).status).toBe(200);
    const sent = send(withLimit({ outboundRedirectsMax: 1 }), twice);
    await expect(sent).rejects.toMatchObject(refusal('limit', /at most 1 redirects/));
  });
});

describe('limits', () => {
  test('outboundRequestsPerRunMax counts redirects too, and each run begins at zero', async () => {
    const outbound = open({ limits: { ...defaultLimits, outboundRequestsPerRunMax: 2 } });
    const run = outbound.forRun({ folderKey, loopHops: 0 });
    await send(run, '/?to=/end');
    await expect(send(run, '/')).rejects.toMatchObject(refusal('limit', /2 requests/));
    await send(outbound.forRun({ folderKey, loopHops: 0 }), '/');
  });

  test('outboundRequestBytesMax', async () => {
    const run = withLimit({ outboundRequestBytesMax: 4 });
    expect((await send(run, '/', { method: 'POST', body: 'four' })).status).toBe(200);
    const sent = send(run, '/', { method: 'POST', body: 'fives' });
    await expect(sent).rejects.toMatchObject(refusal('limit', /received 5$/));
  });

  test('outboundReplyBytesMax', async () => {
    const run = withLimit({ outboundReplyBytesMax: 1_000 });
    expect((await send(run, '/?bytes=1000')).body.byteLength).toBe(1_000);
    await expect(send(run, '/?bytes=1001')).rejects.toMatchObject(refusal('limit', /1000 bytes/));
  });

  test('all replies of a run together weigh at most four of full size', async () => {
    const run = withLimit({ outboundReplyBytesMax: 100 });
    for (let count = 0; count < 4; count += 1) await send(run, '/?bytes=100');
    await expect(send(run, '/?bytes=1')).rejects.toMatchObject(refusal('limit', /400 bytes/));
  });

  test('outboundTimeoutMs covers a silent server, a stalled reply and a chain of redirects', async () => {
    const run = withLimit({ outboundTimeoutMs: 50 });
    await expect(send(run, '/silent')).rejects.toMatchObject(refusal('timeout', /50 ms/));
    await expect(send(run, '/stall')).rejects.toMatchObject(refusal('timeout'));
    await expect(send(run, '/?to=/silent')).rejects.toMatchObject(refusal('timeout'));
  });

  test('replyHeadersMax and replyHeaderBytesMax', async () => {
    const few = withLimit({ replyHeadersMax: 20 });
    expect((await send(few, '/headers?bytes=10')).status).toBe(200);
    await expect(send(few, '/headers?bytes=30')).rejects.toMatchObject(
      refusal('limit', /20 headers/),
    );
    const small = withLimit({ replyHeaderBytesMax: 1_000 });
    expect((await send(small, '/big-header?bytes=100')).status).toBe(200);
    await expect(send(small, '/big-header?bytes=2000')).rejects.toMatchObject(refusal('limit'));
  });

  test('targetBytesMax, headersMax and headerBytesMax hold for what guests send', async () => {
    await expect(send(withLimit({ targetBytesMax: 10 }), '/')).rejects.toMatchObject(
      refusal('limit', /a URL/),
    );
    const headers: Header[] = [
      ['a', '1'],
      ['b', '2'],
    ];
    await expect(send(withLimit({ headersMax: 1 }), '/', { headers })).rejects.toMatchObject(
      refusal('limit', /at most 1 headers/),
    );
    expect((await send(withLimit({ headerBytesMax: 12 }), '/', { headers })).status).toBe(200);
    await expect(send(withLimit({ headerBytesMax: 11 }), '/', { headers })).rejects.toMatchObject(
      refusal('limit', /received 12$/),
    );
  });

  test('outboundSocketsPerOriginMax: more requests wait for a socket', async () => {
    const run = withLimit({ outboundSocketsPerOriginMax: 2 });
    await Promise.all(Array.from({ length: 12 }, () => send(run, '/?bytes=10')));
    expect(server.sockets.length).toBeLessThanOrEqual(2);
    expect(server.seen.length).toBe(12);
  });

  test('inFlightPerOriginMax refuses, and frees its places when requests end', async () => {
    const run = openRun({ inFlightPerOriginMax: 1 });
    const gone = new AbortController();
    const first = send(run, '/silent', { signal: gone.signal });
    await expect(send(run, '/')).rejects.toMatchObject(refusal('limit', /try again/));
    gone.abort();
    await expect(first).rejects.toMatchObject(refusal('abandoned'));
    await expect
      .poll(() =>
        send(run, '/').then(
          ({ status }) => status,
          () => 0,
        ),
      )
      .toBe(200);
  });

  test('heldBytesMax bounds the bodies under way on a thread, both directions, and is given back', async () => {
    const run = openRun({ heldBytesMax: 100 });
    await send(run, '/?bytes=10', { method: 'POST', body: 'b'.repeat(90) });
    await send(run, '/?bytes=100');
    await expect(send(run, '/?bytes=101')).rejects.toMatchObject(refusal('limit', /100 bytes/));
    const large = send(run, '/', { method: 'POST', body: 'b'.repeat(101) });
    await expect(large).rejects.toMatchObject(refusal('limit', /100 bytes/));
    await expect.poll(() => send(run, '/?bytes=100').then(text, () => '')).toHaveLength(100);
  });

  test('poolsMax closes the pool used longest ago, not its requests', async () => {
    const outbound = open({ poolsMax: 1 });
    const run = outbound.forRun({ folderKey, loopHops: 0 });
    const first = send(run, '/?bytes=5');
    await send(run, `http://localhost:${server.port}/`);
    expect((await first).body.byteLength).toBe(5);
    expect((await send(run, '/')).status).toBe(200);
  });
});

describe('failures', () => {
  test('a run that ends gives its request up', async () => {
    const run = openRun();
    const gone = new AbortController();
    const sent = send(run, '/stall', { signal: gone.signal });
    await expect.poll(() => server.seen.length).toBe(1);
    gone.abort();
    await expect(sent).rejects.toMatchObject(refusal('abandoned'));
    const late = send(run, '/', { signal: gone.signal });
    await expect(late).rejects.toMatchObject(refusal('abandoned'));
    expect(server.seen.length).toBe(1);
  });

  test.each(['/broken', '/garbage', '/upgrade'])('%s is a connection failure', async (path) => {
    const sent = send(openRun(), path, { method: 'POST', body: 'x' });
    await expect(sent).rejects.toMatchObject(refusal('connection', /^Cannot fetch: /));
  });

  test('a request that may have had an effect is not sent twice', async () => {
    await expect(send(openRun(), '/broken', { method: 'POST' })).rejects.toThrow();
    expect(server.seen.length).toBe(1);
  });

  test('nobody listening is a connection failure with the reason', async () => {
    const { port } = server;
    await server.close();
    const sent = send(openRun(), `http://127.0.0.1:${port}/`);
    await expect(sent).rejects.toMatchObject(refusal('connection', /ECONNREFUSED/));
    server = new LoopbackServer(answer);
    await server.listen();
  });

  test('plain HTTP where TLS is asked for is a connection failure', async () => {
    const sent = send(openRun(), `https://127.0.0.1:${server.port}/`);
    await expect(sent).rejects.toMatchObject(refusal('connection'));
  });

  test('after close nothing is sent', async () => {
    const outbound = open();
    await outbound.close();
    const sent = send(outbound.forRun({ folderKey, loopHops: 0 }), '/');
    await expect(sent).rejects.toMatchObject(refusal('unavailable'));
  });
});
