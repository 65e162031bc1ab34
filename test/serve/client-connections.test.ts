import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { ClientConnections } from '../../src/serve/client-connections.ts';

/** A server that says "in" to whoever is let in, and what a client from `address` gets. */
async function listen(connections: ClientConnections) {
  const server = createServer((socket) => {
    connections.enter(socket);
    socket.on('error', () => socket.destroy());
    if (!socket.destroyed) socket.write('in');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const visit = async (localAddress: string): Promise<{ socket: Socket; isIn: boolean }> => {
    const socket = connect({ host: '127.0.0.1', port, localAddress });
    socket.on('error', () => socket.destroy());
    const isIn = await Promise.race([
      once(socket, 'data').then(() => true),
      once(socket, 'close').then(() => false),
    ]);
    return { socket, isIn };
  };
  return { server, visit };
}

test('one client has so many connections at once; others have theirs', async () => {
  const { server, visit } = await listen(new ClientConnections(2, () => false));
  const first = await visit('127.0.0.2');
  const second = await visit('127.0.0.2');
  expect([first.isIn, second.isIn]).toEqual([true, true]);
  expect((await visit('127.0.0.2')).isIn).toBe(false);
  const other = await visit('127.0.0.3');
  expect(other.isIn).toBe(true);
  first.socket.destroy();
  for (let isIn = false; !isIn; ) {
    const next = await visit('127.0.0.2');
    isIn = next.isIn;
    next.socket.destroy();
  }
  for (const { socket } of [second, other]) socket.destroy();
  server.close();
});

test('a trusted proxy may have as many as it likes', async () => {
  const isProxy = (address: string): boolean => address === '127.0.0.2';
  const { server, visit } = await listen(new ClientConnections(1, isProxy));
  const all = [await visit('127.0.0.2'), await visit('127.0.0.2'), await visit('127.0.0.3')];
  expect(all.map(({ isIn }) => isIn)).toEqual([true, true, true]);
  for (const { socket } of all) socket.destroy();
  server.close();
});
