import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { IdleConnections } from '../../../src/serve/http1/idle-connections.ts';
import { waitFor } from '../../support/daemon.ts';
import { listenPlainly } from '../../support/plain-listener.ts';

const TIMEOUT_MS = 200;

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

function settled(idle: IdleConnections): Promise<boolean> {
  return waitFor(() => Promise.resolve(idle.size === 0 || undefined));
}

describe('IdleConnections', () => {
  test('ends a connection on which nothing happens, and not before its time', async () => {
    const idle = new IdleConnections(TIMEOUT_MS);
    const sinceMs = performance.now();
    idle.add(socket, () => false);
    await settled(idle);
    expect(socket.destroyed).toBe(true);
    // One tick of a timer may be told early.
    expect(performance.now() - sinceMs).toBeGreaterThanOrEqual(TIMEOUT_MS - 1);
  });

  test('leaves a connection that is busy, however long, and ends it afterwards', async () => {
    const idle = new IdleConnections(10);
    let isBusy = true;
    let looks = 0;
    idle.add(socket, () => {
      looks += 1;
      return isBusy;
    });
    await waitFor(() => Promise.resolve(looks > 20 || undefined));
    expect(socket.destroyed).toBe(false);
    isBusy = false;
    await settled(idle);
    expect(socket.destroyed).toBe(true);
  });

  test('leaves a connection on which something comes', async () => {
    const idle = new IdleConnections(TIMEOUT_MS);
    let looks = 0;
    const sending = setInterval(() => client.write('x'), 5);
    idle.add(socket, () => {
      looks += 1;
      return false;
    });
    // Found idle at each look it would be gone by now.
    await new Promise((resolve) => setTimeout(resolve, 3 * TIMEOUT_MS));
    expect(socket.destroyed).toBe(false);
    clearInterval(sending);
    await settled(idle);
    expect(looks).toBeGreaterThan(0);
  });

  test('has nothing to do with one that has been handed on, or has ended', async () => {
    const idle = new IdleConnections(10);
    idle.add(socket, () => false);
    idle.leave(socket);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(socket.destroyed).toBe(false);
    idle.add(socket, () => true);
    client.destroy();
    await settled(idle);
  });
});

describe('a listener', () => {
  const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
  const upgrade =
    'GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

  async function listen() {
    return await listenPlainly({ keepAliveTimeoutMs: 50 }, async (exchange) => {
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
