import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { Account } from '../../../src/account/account.ts';
import { createSharedAccount } from '../../../src/account/shared.ts';
import { defaultLimits } from '../../../src/config/config.ts';
import type { OwnerKey } from '../../../src/names.ts';
import { Connection, closeCode } from '../../../src/serve/websocket/connection.ts';
import { untilHolds } from '../../support/until-holds.ts';

const mib = 1024 * 1024;
const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A client, and the daemon's side of its connection, on the account of `/mallory`. */
async function connectOne() {
  const shared = createSharedAccount({ threads: 1, bytesMax: 64 * mib, memoriesMax: 9 });
  const account = new Account(shared, 0);
  const share = account.shareOf('/mallory' as OwnerKey);
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true });
  const { promise, resolve } = Promise.withResolvers<Connection>();
  server.on('upgrade', (incoming, socket: Socket, firstBytes) => {
    sockets.handleUpgrade(incoming, socket, firstBytes, (opened) => {
      const nowMs = (): number => performance.now();
      const options = { limits: defaultLimits, framing: 'frames' as const, nowMs, share };
      resolve(new Connection(opened, { ...options, bytesRead: () => socket.bytesRead }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = new WebSocket(`ws://127.0.0.1:${port}`);
  closing.push(() => {
    client.terminate();
    server.close();
  });
  return { account, share, client, connection: await promise };
}

test('messages are on the owner’s account until the guest takes them', async () => {
  const { account, client, connection } = await connectOne();
  await once(client, 'open');
  client.send(Buffer.alloc(100_000));
  await untilHolds(() => expect(account.heldBy('websocket')).toBeGreaterThanOrEqual(100_000));
  expect(connection.takeMessage()?.length).toBe(100_000);
  expect(account.heldBy('websocket')).toBe(0);
  client.send(Buffer.alloc(100_000));
  await untilHolds(() => expect(account.heldBy('websocket')).toBeGreaterThanOrEqual(100_000));
  client.terminate();
  await connection.closed;
  expect(account.heldBy('websocket')).toBe(0);
});

test('what is not a message yet counts, and goes first where its owner holds most', async () => {
  const { account, share, client, connection } = await connectOne();
  await once(client, 'open');
  client.send(Buffer.alloc(500_000), { fin: false });
  await untilHolds(() => {
    connection.tick(performance.now());
    expect(account.heldBy('websocket')).toBeGreaterThanOrEqual(500_000);
  });
  share.charge('memory', 40 * mib);
  connection.tick(performance.now());
  const code = await connection.closed;
  expect([closeCode.tryAgainLater, 1_006]).toContain(code);
  expect(account.heldBy('websocket')).toBe(0);
  share.release('memory', 40 * mib);
  expect(account.held().bytes).toBe(0);
});

test('while the owner’s runs wait, so do messages, until the client has gone', async () => {
  const { share, client, connection } = await connectOne();
  await once(client, 'open');
  share.mark({ isHeld: true, isStalling: false });
  let isReady = false;
  void connection.whenReady().then(() => {
    isReady = true;
  });
  client.send('one');
  client.send('two');
  await untilHolds(() => expect(connection.bytesReceived).toBe(6));
  connection.tick(performance.now());
  await new Promise(setImmediate);
  expect(isReady).toBe(false);
  expect(connection.takeMessage()).toBeUndefined();
  share.mark({ isHeld: false, isStalling: false });
  connection.tick(performance.now());
  await untilHolds(() => expect(isReady).toBe(true));
  expect(connection.takeMessage()).toEqual(Uint8Array.from(Buffer.from('one')));
  share.mark({ isHeld: true, isStalling: false });
  client.terminate();
  await connection.closed;
  await connection.whenReady();
  expect(connection.takeMessage()).toBeDefined();
});

test('a reason that is too long in bytes is cut, between two characters', async () => {
  const { client, connection } = await connectOne();
  await once(client, 'open');
  connection.close(closeCode.internal, 'ä'.repeat(100));
  const [code, reason] = await once(client, 'close');
  expect(code).toBe(closeCode.internal);
  expect(String(reason)).toBe('ä'.repeat(61));
});
