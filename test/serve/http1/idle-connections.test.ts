import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Limits } from '../../../src/config/config.ts';
import { type Asked, IdleConnections } from '../../../src/serve/http1/idle-connections.ts';
import { waitFor } from '../../support/daemon.ts';
import { listenPlainly } from '../../support/plain-listener.ts';

const TIMEOUT_MS = 200;
const HEAD_MS = 100;
/** Far longer than any test. */
const LONG_MS = 600_000;

let server: Server;
let client: Socket;
let socket: Socket;

beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const address = server.address();
  client = connect(typeof address === 'object' ? (address?.port ?? 0) : 0, '127.0.0.1');
  client.on('error', () => undefined);
  [socket] = await accepted;
  socket.resume();
});

afterEach(() => {
  client.destroy();
  server.close();
});

/** What a connection was asked for: one request. Counts how often it is looked at. */
function asked(isBusy: () => boolean = () => false, complete = true): Asked & { looks: number } {
  const one = {
    looks: 0,
    requests: 1,
    isReceived: complete,
    get isAnswered(): boolean {
      one.looks += 1;
      return !isBusy();
    },
  };
  return one;
}

function settled(idle: IdleConnections): Promise<boolean> {
  return waitFor(() => Promise.resolve(idle.size === 0 || undefined));
}

describe('IdleConnections', () => {
  test('ends a connection on which nothing happens, and not before its time', async () => {
    const idle = new IdleConnections(TIMEOUT_MS, LONG_MS);
    const sinceMs = performance.now();
    idle.add(socket, asked());
    await settled(idle);
    expect(socket.destroyed).toBe(true);
    // One tick of a timer may be told early.
    expect(performance.now() - sinceMs).toBeGreaterThanOrEqual(TIMEOUT_MS - 1);
  });

  test('leaves a connection that is busy, however long, and ends it afterwards', async () => {
    const idle = new IdleConnections(10, 10);
    let isBusy = true;
    const busy = asked(() => isBusy);
    idle.add(socket, busy);
    await waitFor(() => Promise.resolve(busy.looks > 20 || undefined));
    expect(socket.destroyed).toBe(false);
    isBusy = false;
    await settled(idle);
    expect(socket.destroyed).toBe(true);
  });

  test('leaves a connection on which a head may be in coming', async () => {
    const idle = new IdleConnections(TIMEOUT_MS, LONG_MS);
    const sending = setInterval(() => client.write('x'), 5);
    const answered = asked();
    idle.add(socket, answered);
    // Found idle at each look it would be gone by now.
    await new Promise((resolve) => setTimeout(resolve, 3 * TIMEOUT_MS));
    expect(socket.destroyed).toBe(false);
    clearInterval(sending);
    await settled(idle);
    expect(answered.looks).toBeGreaterThan(0);
  });

  test('ends one on which bytes come that become no request', async () => {
    const idle = new IdleConnections(TIMEOUT_MS, HEAD_MS);
    const sending = setInterval(() => client.write('\r\n'), 5);
    const sinceMs = performance.now();
    idle.add(socket, asked());
    await settled(idle);
    clearInterval(sending);
    expect(socket.destroyed).toBe(true);
    expect(performance.now() - sinceMs).toBeGreaterThanOrEqual(TIMEOUT_MS + HEAD_MS - 1);
  });

  test('leaves one on which requests come, however short each is', async () => {
    const idle = new IdleConnections(10, 10);
    const many = { requests: 1, isAnswered: true, isReceived: true };
    const asking = setInterval(() => {
      client.write('x');
      many.requests += 1;
    }, 2);
    idle.add(socket, many);
    await new Promise((resolve) => setTimeout(resolve, 50 * 10));
    expect(socket.destroyed).toBe(false);
    clearInterval(asking);
    await settled(idle);
  });

  test('leaves one whose answer was early, for as long as its body comes', async () => {
    const idle = new IdleConnections(TIMEOUT_MS, HEAD_MS);
    const sending = setInterval(() => client.write('x'), 5);
    idle.add(socket, asked(undefined, false));
    await new Promise((resolve) => setTimeout(resolve, 3 * (TIMEOUT_MS + HEAD_MS)));
    expect(socket.destroyed).toBe(false);
    clearInterval(sending);
    await settled(idle);
  });

  test('has nothing to do with one that has been handed on, or has ended', async () => {
    const idle = new IdleConnections(10, 10);
    idle.add(socket, asked());
    idle.leave(socket);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(socket.destroyed).toBe(false);
    idle.add(
      socket,
      asked(() => true),
    );
    client.destroy();
    await settled(idle);
  });
});

describe('a listener', () => {
  const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
  const upgrade =
    'GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

  async function listen(limits: Partial<Limits> = {}) {
    return await listenPlainly({ keepAliveTimeoutMs: 50, ...limits }, async (exchange) => {
      const { upgrade: asked } = exchange;
      if (asked === undefined) {
        exchange.send({ status: 200, headers: [] }, Buffer.from('answered'));
        return;
      }
      exchange.leaveHttp();
      const { client: tunnel } = asked.handOver({ status: 101, headers: [] });
      setTimeout(() => tunnel.end('still here'), 500);
    });
  }

  test('ends a connection on which nobody asks any more', async () => {
    await using listener = await listen();
    const visitor = connect(listener.port, '127.0.0.1');
    visitor.write(get);
    visitor.resume();
    await once(visitor, 'close');
    expect(listener.exchanges).toHaveLength(1);
  });

  test('ends one on which empty lines come, and no request', async () => {
    await using listener = await listen({ headerTimeoutMs: 50 });
    const visitor = connect(listener.port, '127.0.0.1');
    visitor.on('error', () => undefined);
    visitor.write(get);
    visitor.resume();
    const dripping = setInterval(() => visitor.write('\r\n'), 10);
    // It may be broken off in the middle of what it sends.
    await new Promise((resolve) => visitor.once('close', resolve));
    clearInterval(dripping);
    expect(listener.exchanges).toHaveLength(1);
    expect(listener.rejected).toHaveLength(0);
  });

  test('leaves one alone that has become something else, after other requests', async () => {
    await using listener = await listen();
    const visitor = connect(listener.port, '127.0.0.1');
    let received = '';
    visitor.on('data', (piece: Buffer) => {
      received += piece;
      if (received.endsWith('answered')) visitor.write(upgrade);
    });
    visitor.write(get);
    await once(visitor, 'close');
    expect(received).toMatch(/101 Switching Protocols[\s\S]*still here$/);
  });
});
