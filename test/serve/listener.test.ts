import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { Limits } from '../../src/config/config.ts';
import type { HttpExchange } from '../../src/serve/exchange.ts';
import { waitFor } from '../support/daemon.ts';
import { ask, sendRaw, statusOf } from '../support/http.ts';
import { BYTES_MAX, listenPlainly, type PlainListener } from '../support/plain-listener.ts';

const listeners: PlainListener[] = [];

afterEach(async () => {
  await Promise.all(listeners.splice(0).map((running) => running[Symbol.asyncDispose]()));
});

async function listen(
  limits?: Partial<Limits>,
  serve?: (exchange: HttpExchange) => Promise<void>,
): Promise<PlainListener> {
  const running = await listenPlainly(limits, serve);
  listeners.push(running);
  return running;
}

describe('Listener', () => {
  test('goes on where connections cannot be accepted, and tells of each', async () => {
    let server: Server | undefined;
    const note = (message: unknown): void => {
      ({ server } = message as { server: Server });
    };
    const channel = 'tracing:net.server.listen:asyncEnd';
    subscribe(channel, note);
    const { port, troubles } = await listen();
    unsubscribe(channel, note);
    // As Node tells of it where the process has no descriptor left.
    const errors = [new Error('accept EMFILE'), new Error('accept EMFILE')];
    for (const error of errors) server?.emit('error', error);
    expect(troubles).toEqual(errors);
    expect((await ask(port, '/')).status).toBe(200);
  });

  test('hands over requests with their bodies, whole or chunked', async () => {
    const { port } = await listen();
    expect((await ask(port, '/', { method: 'POST', body: 'x'.repeat(BYTES_MAX) })).text).toBe(
      '1000',
    );
    const chunked =
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n' +
      '3\r\nabc\r\n0\r\n\r\n';
    expect(await sendRaw(port, chunked)).toMatch(/\r\n\r\n3$/);
  });

  test.each([
    ['nonsense', 'nonsense\r\n\r\n', 400],
    ['a bad method', 'G@T / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['a bad version', 'GET / HTTP/9.9\r\nHost: x\r\n\r\n', 400],
    ['a space before the colon', 'GET / HTTP/1.1\r\nHost : x\r\n\r\n', 400],
    ['a folded header', 'GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n', 400],
    ['a NUL in a header', 'GET / HTTP/1.1\r\nHost: x\r\nA: b\0\r\n\r\n', 400],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
      400,
    ],
    ['a negative length', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', 400],
    [
      'length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n' +
        'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n', 400],
    ['CONNECT', 'CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['big headers', `GET / HTTP/1.1\r\nHost: x\r\nA: ${'x'.repeat(40_000)}\r\n\r\n`, 431],
    ['many headers', `GET / HTTP/1.1\r\nHost: x\r\n${'A: b\r\n'.repeat(200)}\r\n`, 431],
    ['a long target', `GET /${'x'.repeat(9_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 414],
  ])('answers %s with its status and a request id, and logs it', async (_what, bytes, status) => {
    const { port, rejected } = await listen();
    const raw = await sendRaw(port, bytes);
    expect(statusOf(raw)).toBe(status);
    expect(raw).toMatch(/\r\nx-request-id: [0-9a-f]{12}-1\r\n/i);
    expect(raw).toMatch(/\r\n\r\nCannot [^\n]+\n$/);
    expect(rejected).toMatchObject([{ status, outcome: 'failed' }]);
    expect((await ask(port, '/')).status).toBe(200);
  });

  test('cuts a body at the limit, declared or not', async () => {
    const { port } = await listen();
    const declared = await sendRaw(
      port,
      `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${BYTES_MAX + 1}\r\n\r\n`,
    );
    expect(statusOf(declared)).toBe(413);
    const chunk = `${(BYTES_MAX + 1).toString(16)}\r\n${'x'.repeat(BYTES_MAX + 1)}\r\n`;
    const undeclared = await sendRaw(
      port,
      `POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`,
    );
    expect(statusOf(undeclared)).toBe(413);
  });

  test('gives up on headers that do not arrive', async () => {
    const { port, rejected } = await listen({ headerTimeoutMs: 100 });
    const raw = await sendRaw(port, 'GET / HTTP/1.1\r\nHost: x\r\n');
    expect(statusOf(raw)).toBe(408);
    expect(rejected).toMatchObject([{ errorCode: 'request-timeout' }]);
  });

  test('gives up on a body that stops arriving', async () => {
    const { port } = await listen({ bodyIdleTimeoutMs: 100 });
    const raw = await sendRaw(port, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc');
    expect(statusOf(raw)).toBe(408);
  });

  test('asks for the body only when somebody reads it', async () => {
    const { port } = await listen();
    const head =
      'POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n' +
      'Content-Length: 2\r\n\r\n';
    const socket = connect({ host: '127.0.0.1', port });
    const received = await new Promise<string>((resolve) => {
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
        if (text.endsWith('100 Continue\r\n\r\n')) socket.write('ab');
      });
      socket.on('close', () => resolve(text));
      socket.write(head);
    });
    expect(received).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200/);
    const unread = await listen({}, async (exchange) => {
      exchange.send({ status: 200, headers: [] }, Buffer.from('no'));
    });
    const raw = await sendRaw(unread.port, head);
    expect(raw).not.toContain('100 Continue');
    expect(statusOf(raw)).toBe(200);
  });

  test('cuts off a client that takes nothing', async () => {
    let settle: (state: string) => void = () => undefined;
    const gone = new Promise<string>((resolve) => {
      settle = resolve;
    });
    const { port } = await listen({ replyIdleTimeoutMs: 100 }, async (exchange) => {
      exchange.onGone(() => settle('gone'));
      exchange.start({ status: 200, headers: [] });
      const chunk = new Uint8Array(1 << 20);
      while (!exchange.isGone) await exchange.write(chunk);
      exchange.end();
    });
    const socket = connect({ host: '127.0.0.1', port });
    socket.pause();
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await gone).toBe('gone');
    socket.destroy();
  });

  test('cuts off a client that does not take an answer sent whole', async () => {
    const { port, exchanges } = await listen({ replyIdleTimeoutMs: 200 }, async (exchange) => {
      exchange.send({ status: 200, headers: [] }, new Uint8Array(64 << 20));
    });
    const socket = connect({ host: '127.0.0.1', port });
    socket.pause();
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await waitFor(() => Promise.resolve(exchanges[0]?.isGone === true || undefined));
    socket.destroy();
  });

  test('serves pipelined requests one after another, in their order', async () => {
    let atOnce = 0;
    let atOnceMax = 0;
    const { port } = await listen({}, async (exchange) => {
      atOnce += 1;
      atOnceMax = Math.max(atOnceMax, atOnce);
      await new Promise((resolve) => setTimeout(resolve, 10));
      atOnce -= 1;
      exchange.send({ status: 200, headers: [] }, Buffer.from(`<${exchange.request.target}>`));
    });
    const ahead = ['/a', '/b', '/c', '/d'].map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const last = 'GET /e HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    const raw = await sendRaw(port, ahead.join('') + last);
    expect(raw.match(/<[^>]+>/g)).toEqual(['</a>', '</b>', '</c>', '</d>', '</e>']);
    expect(atOnceMax).toBe(1);
  });

  test('answers what is on its way while it drains, and says that it closes', async () => {
    const { port, listener } = await listen();
    const socket = connect({ host: '127.0.0.1', port });
    const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
    const first = once(socket, 'data');
    socket.write(get);
    await first;
    const drained = listener.drain(10_000);
    const second = once(socket, 'data');
    socket.write(get);
    expect(String(await second)).toMatch(/^HTTP\/1\.1 200[\s\S]*\r\nconnection: close\r\n/i);
    await drained;
  });

  test('tells the run when the client goes away', async () => {
    const { promise: gone, resolve } = Promise.withResolvers<void>();
    const { port } = await listen({}, async (exchange) => {
      exchange.onGone(resolve);
      await gone;
      exchange.send({ status: 200, headers: [] }, new Uint8Array());
    });
    const socket = connect({ host: '127.0.0.1', port });
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    setTimeout(() => socket.destroy(), 50);
    await gone;
  });

  test('shows a broken answer as broken', async () => {
    const { port } = await listen({}, async (exchange) => {
      exchange.start({ status: 200, headers: [] });
      await exchange.write(Buffer.from('half'));
      exchange.abort();
    });
    await expect(ask(port, '/')).rejects.toThrow();
  });

  test('accepts no more connections than the limit', async () => {
    const { port } = await listen({ connectionsPerThreadMax: 1 });
    const first = connect({ host: '127.0.0.1', port });
    await new Promise((resolve) => first.once('connect', resolve));
    expect(await sendRaw(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n').catch(() => '')).toBe('');
    first.destroy();
  });
});
