/** Answers on a connection of HTTP/1.1: their order, their framing, and how the connection ends. */
import { once } from 'node:events';
import { Agent } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import type { Limits } from '../../src/config/config.ts';
import type { HttpExchange } from '../../src/serve/exchange.ts';
import { waitFor } from '../support/daemon.ts';
import { ask, sendRaw } from '../support/http.ts';
import { listenPlainly, type PlainListener, parseAnswers } from '../support/plain-listener.ts';
import { RawClient } from '../support/raw-client.ts';

const get = (path: string, line = ''): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${line}\r\n`;
const GET_SLOW = get('/slow');
const GET_STREAM = get('/stream');
/** Makes a connection node's. */
const FOR_NODE = 'TE: trailers\r\n';
const LAST = 'GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
const UPGRADE =
  'GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
const PIECE = 'x'.repeat(64 * 1024);
const PIECES = 64;

const listeners: PlainListener[] = [];
let release = Promise.withResolvers<void>();

afterEach(async () => {
  release.resolve();
  await Promise.all(listeners.splice(0).map((running) => running[Symbol.asyncDispose]()));
});

/**
 * `/slow` answers when it is released, `/stream` with 4 MiB in pieces once it is, `/read` with the
 * length of the body, `/early` at once and in pieces, and everything else at once.
 */
async function serve(exchange: HttpExchange): Promise<void> {
  const { target } = exchange.request;
  if (target === '/slow') await release.promise;
  if (target === '/stream') {
    exchange.start({ status: 200, headers: [] });
    await exchange.write(Buffer.from('begin '));
    await release.promise;
    for (let count = 0; count < PIECES; count += 1) await exchange.write(Buffer.from(PIECE));
    exchange.end();
    return;
  }
  if (target === '/early') {
    exchange.start({ status: 200, headers: [] });
    await exchange.write(Buffer.from('early'));
    exchange.end();
    return;
  }
  const length = target === '/read' ? (await exchange.readBody(100_000)).length : -1;
  exchange.send({ status: 200, headers: [] }, Buffer.from(`<${target} ${length}>`));
}

async function listen(limits: Partial<Limits> = {}): Promise<PlainListener> {
  release = Promise.withResolvers<void>();
  const running = await listenPlainly(limits, serve);
  listeners.push(running);
  return running;
}

describe.each([
  ['a bare request', ''],
  ['a request that node reads', FOR_NODE],
])('answers that come out of turn behind %s', (_behind, line) => {
  const outOfTurn: readonly (readonly [string, string, number])[] = [
    ['garbage', 'garbage\r\n\r\n', 400],
    ['CONNECT', 'CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['CONNECT with a body', 'CONNECT x:80 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n', 400],
    ['a large head', `GET / HTTP/1.1\r\nHost: x\r\nA: ${'x'.repeat(40_000)}\r\n\r\n`, 431],
    ['half a head', 'GET / HTTP/1.1\r\nHost: x\r\n', 408],
    ['a WebSocket', UPGRADE, 400],
    ['a bad Host', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n', 400],
  ].filter(([what]) => what !== 'a WebSocket' || line === FOR_NODE) as [string, string, number][];

  test.each(outOfTurn)('%s waits for the answer under way', async (_what, bytes, status) => {
    const { port, rejected } = await listen({ headerTimeoutMs: 100 });
    const client = new RawClient(port);
    await client.send(get('/slow', line) + bytes);
    await waitFor(() => Promise.resolve(client.socket.bytesWritten > 0 || undefined));
    // Node looks for late heads once a second.
    await new Promise((resolve) => setTimeout(resolve, status === 408 ? 1_500 : 100));
    expect(client.received).toBe('');
    release.resolve();
    if (bytes === UPGRADE) await client.send(LAST);
    await client.closed;
    const answers = parseAnswers(client.received);
    expect(answers[0]).toMatchObject({ status: 200, body: '</slow -1>' });
    expect(answers[1]).toMatchObject({ status, body: expect.stringMatching(/^Cannot /) });
    expect(rejected.map((record) => record.status)).toEqual([status]);
    expect(client.failure).toBeUndefined();
  });

  test.each(outOfTurn)('%s never stands in a streamed body', async (_what, bytes, status) => {
    const { port } = await listen({ headerTimeoutMs: 100 });
    const client = new RawClient(port);
    await client.send(get('/stream', line));
    await client.until('begin ');
    client.socket.pause();
    await client.send(bytes);
    setTimeout(() => release.resolve(), status === 408 ? 1_500 : 50);
    setTimeout(() => client.socket.resume(), status === 408 ? 1_600 : 200);
    if (bytes === UPGRADE) await client.send(LAST);
    await client.closed;
    const [first, second] = parseAnswers(client.received);
    expect(first?.isWhole).toBe(true);
    expect(first?.body.length).toBe('begin '.length + PIECE.length * PIECES);
    expect(second?.status).toBe(status);
  });

  test('waits for the whole queue of answers', async () => {
    const { port } = await listen();
    const client = new RawClient(port);
    const ahead = get('/slow', line) + GET_STREAM + GET_SLOW;
    await client.send(`${ahead}garbage\r\n\r\n`);
    release.resolve();
    await client.closed;
    expect(parseAnswers(client.received).map(({ status }) => status)).toEqual([200, 200, 200, 400]);
  });

  test('gives no answer behind one that ends the connection', async () => {
    const { port } = await listen();
    const raw = sendRaw(port, `${LAST}garbage\r\n\r\n`);
    expect(parseAnswers(await raw)).toMatchObject([{ status: 200, body: '</last -1>' }]);
  });

  test('answers 400 to a request whose body is broken, not to those before it', async () => {
    const { port } = await listen();
    const broken =
      'POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n';
    const client = new RawClient(port);
    await client.send(get('/slow', line) + broken);
    setTimeout(() => release.resolve(), 50);
    await client.closed;
    const answers = parseAnswers(client.received);
    expect(answers).toMatchObject([{ status: 200, body: '</slow -1>' }, { status: 400 }]);
    expect(answers[1]?.head).toMatch(/\r\nconnection: close\r\n/i);
  });

  test('lets a guest that does not read a broken body answer as it likes', async () => {
    const { port } = await listen();
    const broken =
      'POST /slow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n';
    const client = new RawClient(port);
    await client.send(broken);
    setTimeout(() => release.resolve(), 50);
    await client.closed;
    expect(parseAnswers(client.received)).toMatchObject([{ status: 200, body: '</slow -1>' }]);
  });

  test('has date and reason in answers to what is no request', async () => {
    const { port } = await listen();
    const raw = await sendRaw(port, 'garbage\r\n\r\n');
    expect(raw).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    const date = /\r\ndate: ([^\r]+)\r\n/.exec(raw)?.[1] ?? '';
    expect(new Date(date).toUTCString()).toBe(date);
  });
});

describe('a connection whose request body nobody reads', () => {
  test('is used on after a small body, whenever it arrives', async () => {
    const { port } = await listen();
    const client = new RawClient(port);
    await client.send('POST /no HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc');
    await client.until('</no -1>');
    expect(client.received).toMatch(/\r\nconnection: keep-alive\r\n/i);
    await client.send(`def${LAST}`);
    await client.closed;
    expect(parseAnswers(client.received).map(({ body }) => body)).toEqual([
      '</no -1>',
      '</last -1>',
    ]);
  });

  test('is given up when the rest of a small body does not come', async () => {
    const { port } = await listen({ lingerMs: 100 });
    const client = new RawClient(port);
    await client.send('POST /no HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc');
    await client.closed;
    expect(parseAnswers(client.received)).toHaveLength(1);
  });

  test.each([
    ['a large body', '/no', 'Content-Length: 9000000'],
    ['chunks', '/no', 'Transfer-Encoding: chunked'],
    ['a large body, in pieces', '/early', 'Content-Length: 9000000'],
    ['a body that waits for a word', '/no', 'Content-Length: 6\r\nExpect: 100-continue'],
  ])('says that it ends: %s', async (_what, path, header) => {
    const { port } = await listen();
    const raw = await sendRaw(port, `POST ${path} HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n`);
    const [answer] = parseAnswers(raw);
    expect(answer).toMatchObject({ status: 200, isWhole: true });
    expect(answer?.head).toMatch(/\r\nconnection: close\r\n/i);
  });

  test('serves a client that posts and gets by turns on one kept connection', async () => {
    const { port } = await listen();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let round = 0; round < 20; round += 1) {
      const path = round % 2 === 0 ? '/no' : '/early';
      const posted = await ask(port, path, { method: 'POST', body: 'x'.repeat(50_000), agent });
      expect(posted.status).toBe(200);
      expect((await ask(port, '/', { agent })).status).toBe(200);
    }
    agent.destroy();
  });

  test('lets a client read the answer that still sends', async () => {
    const { port } = await listen();
    const body = Buffer.alloc(9_000_000, 'x');
    for (let round = 0; round < 5; round += 1) {
      const client = new RawClient(port);
      client.socket.pause();
      const head = `POST /no HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`;
      await client.send(head);
      await client.send(body);
      client.socket.resume();
      await client.closed;
      expect(client.failure).toBeUndefined();
      expect(parseAnswers(client.received)).toMatchObject([{ status: 200, body: '</no -1>' }]);
    }
  });

  test('ends although the client does not: after its time', async () => {
    const { port } = await listen({ lingerMs: 100 });
    const client = new RawClient(port);
    client.socket.removeAllListeners('end');
    await client.send('POST /no HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n');
    await once(client.socket, 'end');
    // Our side has ended: what is sent now meets a connection that is gone.
    while (client.failure === undefined) {
      client.socket.write('x');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(client.failure).toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) });
  });

  test('ends although the client does not: after its bytes', async () => {
    const { port } = await listen({ lingerBytesMax: 1_000_000, lingerMs: 600_000 });
    const client = new RawClient(port);
    client.socket.removeAllListeners('end');
    await client.send('POST /no HTTP/1.1\r\nHost: x\r\nContent-Length: 900000000\r\n\r\n');
    let sent = 0;
    while (client.failure === undefined) {
      await client.send(PIECE);
      sent += PIECE.length;
      expect(sent).toBeLessThan(100_000_000);
    }
    expect(sent).toBeGreaterThan(1_000_000);
  });

  test('does not hold up the end of the daemon', async () => {
    const { port, listener } = await listen({ lingerMs: 600_000 });
    const client = new RawClient(port);
    client.socket.removeAllListeners('end');
    await client.send('POST /no HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n');
    await once(client.socket, 'end');
    await listener.drain(600_000);
    client.socket.destroy();
  });
});

describe('HTTP/1.0', () => {
  test('gets no interim answer', async () => {
    const { port } = await listen();
    const head = 'POST /read HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n';
    const client = new RawClient(port);
    await client.send(head);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(client.received).toBe('');
    await client.send('ab');
    await client.closed;
    expect(parseAnswers(client.received)).toMatchObject([{ status: 200, body: '</read 2>' }]);
  });

  test('cannot keep the connection after chunks', async () => {
    const { port } = await listen();
    const chunked =
      'POST /read HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n' +
      '3\r\nabc\r\n0\r\n\r\n';
    const [answer] = parseAnswers(await sendRaw(port, chunked));
    expect(answer).toMatchObject({ status: 200, body: '</read 3>' });
    expect(answer?.head).toMatch(/\r\nconnection: close\r\n/i);
  });

  test('keeps the connection where that was asked for', async () => {
    const { port } = await listen();
    const kept = 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n';
    const answers = parseAnswers(await sendRaw(port, `${kept}GET / HTTP/1.0\r\n\r\n`));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  });
});

test('takes no other expectation for a wish to continue', async () => {
  const { port } = await listen();
  const other =
    'POST /read HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nConnection: close\r\n' +
    'Content-Length: 2\r\n\r\nab';
  expect(parseAnswers(await sendRaw(port, other))).toMatchObject([
    { status: 200, body: '</read 2>' },
  ]);
});

test('refuses an upgrade that has a body, and stays', async () => {
  const { port } = await listen();
  const withBody = UPGRADE.replace('\r\n\r\n', '\r\nContent-Length: 3\r\n\r\n');
  const client = new RawClient(port);
  await client.send(withBody);
  await client.send('abc');
  await client.closed;
  expect(parseAnswers(client.received)).toMatchObject([{ status: 400 }]);
  expect((await ask(port, '/')).status).toBe(200);
});
