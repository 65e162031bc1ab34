/** Programs of Fastly Compute between a visitor and a back-end, by the real daemon. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

const CONNECTIONS_MAX = 3;
const folder = new TestFolder();
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
const seen: IncomingMessage[] = [];
let server: Server;
let daemon: TestDaemon;
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeAll(async () => {
  server = createServer((request, response) => {
    seen.push(request);
    answer(request, response);
  });
  server.on('upgrade', (request, socket, head) => {
    seen.push(request);
    if (request.url === '/closed') socket.end('HTTP/1.1 403 No\r\ncontent-length: 2\r\n\r\nno');
    else if (request.url === '/silent') socket.on('error', () => undefined).resume();
    else
      sockets.handleUpgrade(request, socket, head, (opened) => sockets.emit('connection', opened));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  folder.put('fastly-poll', 'poll.wasm');
  folder.put('fastly-hand-over', 'index.wasm');
  folder.write('terrafirma.toml', `[backends.origin]\nurl = "http://127.0.0.1:${port}"\n`);
  daemon = await TestDaemon.start({
    args: [folder.directory],
    threads: 1,
    env: {
      TERRAFIRMA_OUTBOUND_ALLOWED_CIDRS: '127.0.0.0/8',
      TERRAFIRMA_LIMITS_WEBSOCKET_CONNECTIONS_PER_SITE_MAX: String(CONNECTIONS_MAX),
      TERRAFIRMA_LIMITS_WEBSOCKET_IDLE_MS: '1500',
      TERRAFIRMA_LIMITS_WEBSOCKET_GRACE_MS: '300',
      TERRAFIRMA_LIMITS_DRAIN_MS: '500',
    },
  });
  answer = (_request, response) => response.end();
  await waitFor(async () => {
    const { status } = await ask(daemon.port, '/poll.wasm');
    return status === 200 ? true : undefined;
  });
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
  folder[Symbol.dispose]();
});

beforeEach(() => {
  seen.length = 0;
  sockets.removeAllListeners('connection');
  answer = (_request, response) => response.end('from the back-end');
});

test('a program that asks in a loop gets its reply, and passes it on', async () => {
  const held = Promise.withResolvers<ServerResponse>();
  answer = (request, response) => {
    if (request.url === '/cart?id=1') held.resolve(response);
    else response.end();
  };
  const asking = ask(daemon.port, '/poll.wasm/cart?id=1');
  const response = await held.promise;
  // It has asked a few times by now: each of its sleeps is a turn of the thread.
  await ask(daemon.port, '/other');
  response.setHeader('x-from', 'there').end('late');
  const reply = await asking;
  expect(reply.status).toBe(200);
  expect(String(reply.body)).toBe('late');
  expect(reply.headers['x-from']).toBe('there');
  expect(reply.headers['x-polls']).toMatch(/^\++$/);
  expect(seen[0]?.url).toBe('/cart?id=1');
});

test('a request that is handed over is answered by the back-end', async () => {
  const reply = await ask(daemon.port, '/any/path?x=1');
  expect(reply.status).toBe(200);
  expect(String(reply.body)).toBe('from the back-end');
  expect(seen[0]?.url).toBe('/any/path?x=1');
});

test('a back-end that does not answer is a 503, and the log says why', async () => {
  answer = (request) => request.socket.destroy();
  expect((await ask(daemon.port, '/broken')).status).toBe(503);
  const line = await daemon.waitForLog((each) => each.path === '/broken');
  expect(line.errorCode).toBe('no-answer');
  expect(line.outcome).toBe('replied');
});

describe('a WebSocket', () => {
  function open(path = '/room', protocol?: string): WebSocket {
    const socket = new WebSocket(`ws://127.0.0.1:${daemon.port}${path}`, protocol);
    socket.on('error', () => undefined);
    return socket;
  }

  const opened = (socket: WebSocket) =>
    new Promise<number>((resolve) => {
      socket.once('open', () => resolve(101));
      socket.once('unexpected-response', (_request, response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
    });
  const closed = (socket: WebSocket) =>
    new Promise<number>((resolve) => socket.once('close', resolve));
  const told = (socket: WebSocket) =>
    new Promise<Buffer>((resolve) => socket.once('message', (data) => resolve(data as Buffer)));

  test('is the visitor’s and the back-end’s, in both directions and words', async () => {
    sockets.on('connection', (each: WebSocket) => {
      each.on('message', (data, isBinary) => each.send(data, { binary: isBinary }));
    });
    const socket = open('/room?a=1', 'chat');
    expect(await opened(socket)).toBe(101);
    expect(socket.protocol).toBe('chat');
    expect(seen[0]?.url).toBe('/room?a=1');
    const echoed = told(socket);
    socket.send('hello');
    expect((await echoed).toString()).toBe('hello');
    socket.close(3_456, 'enough');
    expect(await closed(socket)).toBe(3_456);
    const line = await daemon.waitForLog((each) => each.path === '/room' && each.status === 101);
    expect(line.outcome).toBe('replied');
    expect(Number(line.bytesSent)).toBeGreaterThan(0);
  });

  test('carries megabytes at the pace of who takes them', async () => {
    const received = Promise.withResolvers<number>();
    sockets.on('connection', (each: WebSocket) => {
      each.pause();
      each.once('message', (data: Buffer) => received.resolve(data.length));
      setTimeout(() => each.resume(), 100);
    });
    const socket = open();
    await opened(socket);
    socket.send(Buffer.alloc(8 * 1024 * 1024));
    expect(await received.promise).toBe(8 * 1024 * 1024);
    socket.terminate();
  });

  test('that the back-end ends is over for the visitor', async () => {
    sockets.on('connection', (each: WebSocket) => each.close(4_000));
    const socket = open();
    expect(await closed(socket)).toBe(4_000);
  });

  test('that the visitor leaves is over for the back-end', async () => {
    const gone = Promise.withResolvers<number>();
    sockets.on('connection', (each: WebSocket) => each.once('close', gone.resolve));
    const socket = open();
    await opened(socket);
    socket.terminate();
    expect(await gone.promise).toBe(1_006);
  });

  test('that the back-end refuses is refused in its words', async () => {
    expect(await opened(open('/closed'))).toBe(403);
  });

  test('that nobody speaks on is ended', async () => {
    const gone = Promise.withResolvers<number>();
    sockets.on('connection', (each: WebSocket) => each.once('close', gone.resolve));
    const socket = open();
    await opened(socket);
    expect(await closed(socket)).toBe(1_006);
    await gone.promise;
  });

  test('is one of so many of the site', async () => {
    const first = Array.from({ length: CONNECTIONS_MAX }, () => open());
    expect(await Promise.all(first.map(opened))).toEqual([101, 101, 101]);
    expect(await opened(open('/more'))).toBe(503);
    for (const socket of first) socket.terminate();
    await waitFor(async () => {
      const socket = open();
      const status = await opened(socket);
      socket.terminate();
      return status === 101 ? true : undefined;
    });
  });

  test('of a visitor who goes before the back-end has agreed is given up', async () => {
    const socket = open('/silent');
    await waitFor(() => (seen.length > 0 ? true : undefined));
    const backEnd = seen[0]?.socket;
    socket.terminate();
    await waitFor(() => backEnd?.readableEnded === true || backEnd?.destroyed || undefined);
  });

  test('does not keep the daemon from stopping', async () => {
    const socket = open();
    await opened(socket);
    const over = closed(socket);
    await daemon[Symbol.asyncDispose]();
    expect(await over).toBe(1_006);
  });
});
