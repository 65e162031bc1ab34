import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import type { Header } from '../../../src/http/message.ts';
import type { FolderKey } from '../../../src/names.ts';
import { folderKey, refusal, text, useOutbound } from '../outbound-bench.ts';

const bench = useOutbound();

describe('a request', () => {
  test('carries method, body, headers and its own Host, and gets every header line', async () => {
    const headers: Header[] = [
      ['Host', 'other.example'],
      ['X-A', '1'],
      ['x-a', '2'],
    ];
    const reply = await bench.send(bench.openRun(), '/a?b', {
      method: 'POST',
      headers,
      body: 'body',
    });
    expect(reply.status).toBe(200);
    expect(text(reply)).toBe('POST body');
    const cookies = reply.headers.filter(([name]) => name === 'set-cookie');
    expect(cookies).toEqual([
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ]);
    expect(reply.headers.some(([name]) => name === 'connection')).toBe(false);
    expect(bench.server.seen[0]).toMatchObject({ method: 'POST', url: '/a?b' });
    expect(bench.server.seen[0]?.headers).toMatchObject({ host: 'other.example', 'x-a': '1, 2' });
  });

  test('a GET may have a body, and an empty body is none', async () => {
    const run = bench.openRun();
    expect(text(await bench.send(run, '/', { body: 'asked' }))).toBe('GET asked');
    await bench.send(run, '/');
    expect(bench.server.seen[1]?.headers['content-length']).toBeUndefined();
  });

  test('a HEAD gets headers without a body', async () => {
    const reply = await bench.send(bench.openRun(), '/?bytes=7', { method: 'head' });
    expect(reply.body.byteLength).toBe(0);
    expect(reply.headers).toContainEqual(['content-length', '7']);
  });

  test('a view into larger memory is copied before the guest can change it', async () => {
    const memory = new Uint8Array(64).fill(0x61);
    const sent = bench.send(bench.openRun(), '/', { method: 'PUT', body: memory.subarray(8, 12) });
    memory.fill(0x62);
    expect(text(await sent)).toBe('PUT aaaa');
  });

  test('bytes pass as received: nothing is decompressed', async () => {
    const reply = await bench.send(bench.openRun(), '/gzip');
    expect(text(reply)).toBe('not gzip');
    expect(reply.headers).toContainEqual(['content-encoding', 'gzip']);
  });

  test('news before the reply (1xx) is passed over', async () => {
    expect(text(await bench.send(bench.openRun(), '/hint'))).toBe('after the hint');
  });

  test('every request carries the loop guard, one hop longer', async () => {
    await bench.send(bench.open().forRun({ folderKey, loopHops: 2 }), '/');
    expect(bench.server.seen[0]?.headers['cdn-loop']).toBe('terrafirma, terrafirma, terrafirma');
  });

  test('one connection is used again', async () => {
    const run = bench.withLimit({ outboundSocketsPerOriginMax: 1 });
    for (let count = 0; count < 10; count += 1) await bench.send(run, '/');
    expect(bench.server.sockets.length).toBe(1);
  });

  test('two folders never share a connection', async () => {
    const limits = { ...defaultLimits, outboundSocketsPerOriginMax: 1 };
    const outbound = bench.open({ limits });
    const alice = outbound.forRun({ folderKey, loopHops: 0 });
    await bench.send(alice, '/');
    await bench.send(alice, '/');
    expect(bench.server.sockets.length).toBe(1);
    const mallory = '/keybase/public/mallory' as FolderKey;
    await bench.send(outbound.forRun({ folderKey: mallory, loopHops: 0 }), '/');
    expect(bench.server.sockets.length).toBe(2);
  });

  test('a kept connection that the server closed is replaced unnoticed', async () => {
    const run = bench.openRun();
    await bench.send(run, '/');
    for (const socket of bench.server.sockets) socket.destroy();
    expect((await bench.send(run, '/')).status).toBe(200);
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
    const run = bench.openRun({ allowedCidrs: [] });
    const sent = bench.send(run, url.replace('PORT', String(bench.server.port)));
    await expect(sent).rejects.toMatchObject(refusal('forbidden', /^Cannot connect: /));
    expect(bench.server.sockets).toEqual([]);
  });

  test('an IPv4-mapped address is reached when its IPv4 network is allowed', async () => {
    const run = bench.openRun({ allowedCidrs: ['127.0.0.0/8'] });
    const reply = await bench.send(run, `http://[::ffff:127.0.0.1]:${bench.server.port}/`);
    expect(reply.status).toBe(200);
  });

  test('a name is connected to the very address that was judged, asked for once', async () => {
    const asked: string[] = [];
    const run = bench.openRun({
      lookupOf: () => (name, family) => {
        asked.push(`${name} ${family}`);
        return Promise.resolve(family === 4 ? [Uint8Array.of(127, 0, 0, 1)] : []);
      },
    });
    expect((await bench.send(run, `http://rebind.example:${bench.server.port}/`)).status).toBe(200);
    expect(asked).toEqual(['rebind.example 4', 'rebind.example 6']);
  });

  test('a name that turns to a private address later is refused then', async () => {
    let turn = 0;
    const lookup = (_name: string, family: 4 | 6): Promise<readonly Uint8Array[]> => {
      if (family === 6) return Promise.resolve([]);
      turn += 1;
      return Promise.resolve([Uint8Array.of(127, 0, 0, turn === 1 ? 1 : 2)]);
    };
    const outbound = bench.open({ allowedCidrs: ['127.0.0.1/32'], lookupOf: () => lookup });
    const url = `http://rebind.example:${bench.server.port}/`;
    expect((await bench.send(outbound.forRun({ folderKey, loopHops: 0 }), url)).status).toBe(200);
    const other = outbound.forRun({ folderKey: '/other' as FolderKey, loopHops: 0 });
    await expect(bench.send(other, url)).rejects.toMatchObject(
      refusal('forbidden', /127\.0\.0\.2/),
    );
  });

  test('a redirect to a private address is refused', async () => {
    const run = bench.openRun({ allowedCidrs: ['127.0.0.1/32'] });
    const sent = bench.send(
      run,
      `/?to=${encodeURIComponent(`http://127.0.0.2:${bench.server.port}/`)}`,
    );
    await expect(sent).rejects.toMatchObject(refusal('forbidden', /loopback/));
    const metadata = bench.send(run, '/?to=http://169.254.169.254/latest/meta-data/');
    await expect(metadata).rejects.toMatchObject(refusal('forbidden', /metadata/));
  });

  test('a name without addresses is said to have none', async () => {
    const sent = bench.send(bench.openRun(), `http://nothing.example:${bench.server.port}/`);
    await expect(sent).rejects.toMatchObject(refusal('dns', /received nothing\.example$/));
  });
});

describe('redirects', () => {
  test('are followed, relative and absolute', async () => {
    const reply = await bench.send(
      bench.openRun(),
      `/?to=${encodeURIComponent('/?status=301&to=/end')}`,
    );
    expect(text(reply)).toBe('GET ');
    expect(bench.server.seen.map(({ url }) => url)).toEqual([
      '/?to=%2F%3Fstatus%3D301%26to%3D%2Fend',
      '/?status=301&to=/end',
      '/end',
    ]);
  });

  test('307 sends the body again', async () => {
    const reply = await bench.send(bench.openRun(), '/?status=307&to=/end', {
      method: 'POST',
      body: 'kept',
    });
    expect(text(reply)).toBe('POST kept');
  });

  test('another origin does not see credentials', async () => {
    const headers: Header[] = [
      ['Authorization', 'secret'],
      ['Cookie', 'c'],
      ['X', '1'],
    ];
    const to = encodeURIComponent(`http://localhost:${bench.server.port}/end`);
    await bench.send(bench.openRun(), `/?to=${to}`, { headers });
    expect(bench.server.seen[0]?.headers.authorization).toBe('secret');
    expect(bench.server.seen[1]?.headers).toMatchObject({ x: '1' });
    expect(bench.server.seen[1]?.headers).not.toHaveProperty('authorization');
    expect(bench.server.seen[1]?.headers).not.toHaveProperty('cookie');
  });

  test('more than outboundRedirectsMax are refused', async () => {
    const twice = `/?to=${encodeURIComponent('/?to=/end')}`;
    expect((await bench.send(bench.withLimit({ outboundRedirectsMax: 2 }), twice)).status).toBe(
      200,
    );
    const sent = bench.send(bench.withLimit({ outboundRedirectsMax: 1 }), twice);
    await expect(sent).rejects.toMatchObject(refusal('limit', /at most 1 redirects/));
  });
});

describe('failures', () => {
  test('a run that ends gives its request up', async () => {
    const run = bench.openRun();
    const gone = new AbortController();
    const sent = bench.send(run, '/stall', { signal: gone.signal });
    await expect.poll(() => bench.server.seen.length, { timeout: 10_000 }).toBe(1);
    gone.abort();
    await expect(sent).rejects.toMatchObject(refusal('abandoned'));
    const late = bench.send(run, '/', { signal: gone.signal });
    await expect(late).rejects.toMatchObject(refusal('abandoned'));
    expect(bench.server.seen.length).toBe(1);
  });

  test.each(['/broken', '/garbage', '/upgrade'])('%s is a connection failure', async (path) => {
    const sent = bench.send(bench.openRun(), path, { method: 'POST', body: 'x' });
    await expect(sent).rejects.toMatchObject(refusal('connection', /^Cannot fetch: /));
  });

  test('a request that may have had an effect is not sent twice', async () => {
    await expect(bench.send(bench.openRun(), '/broken', { method: 'POST' })).rejects.toThrow();
    expect(bench.server.seen.length).toBe(1);
  });

  test('nobody listening is a connection failure with the reason', async () => {
    const { port } = bench.server;
    await bench.server.close();
    const sent = bench.send(bench.openRun(), `http://127.0.0.1:${port}/`);
    await expect(sent).rejects.toMatchObject(refusal('connection', /ECONNREFUSED/));
    await bench.start();
  });

  test('plain HTTP where TLS is asked for is a connection failure', async () => {
    const sent = bench.send(bench.openRun(), `https://127.0.0.1:${bench.server.port}/`);
    await expect(sent).rejects.toMatchObject(refusal('connection'));
  });

  test('after close nothing is sent', async () => {
    const outbound = bench.open();
    await outbound.close();
    const sent = bench.send(outbound.forRun({ folderKey, loopHops: 0 }), '/');
    await expect(sent).rejects.toMatchObject(refusal('unavailable'));
  });
});
