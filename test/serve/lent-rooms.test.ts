/** Rooms that answers lie in: each is used again when its answer has left, and never before. */
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { HttpExchange } from '../../src/serve/exchange.ts';
import { waitFor } from '../support/daemon.ts';
import { ask } from '../support/http.ts';
import { listenPlainly, type PlainListener } from '../support/plain-listener.ts';

const mib = 1024 * 1024;
const largeBytes = 4 * mib;
/** Their answers together are far more than the system takes where nobody reads. */
const requestsAhead = 12;
const host = 'x';

let running: PlainListener;
let rooms: ArrayBufferLike[];
let sockets: Socket[];

/** No byte of a head. */
function fillOf(path: string): number {
  return path.charCodeAt(1) | 0x80;
}

/** Fills a room by the path's first letter, and sends it; `/other` sends something else. */
async function serve(exchange: HttpExchange): Promise<void> {
  const { target } = exchange.request;
  const bytes = target.startsWith('/s') ? mib : largeBytes;
  const room = exchange.lendRoom(bytes);
  if (room === undefined) throw new Error('no room');
  rooms.push(room.buffer);
  const body = target === '/other' ? Buffer.alloc(mib) : room.subarray(0, bytes - 1);
  body.fill(fillOf(target));
  exchange.send({ status: 200, headers: [] }, body);
}

beforeEach(async () => {
  rooms = [];
  sockets = [];
  running = await listenPlainly({}, serve);
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await running[Symbol.asyncDispose]();
});

async function expectAll(path: string, bytes: number): Promise<void> {
  const { body } = await ask(running.port, path, { host });
  expect(body.equals(Buffer.alloc(bytes, fillOf(path)))).toBe(true);
}

/** A connection that asks for much and reads none of it, once it is being answered. */
async function openLazy(): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: running.port });
  sockets.push(socket);
  socket.pause();
  socket.write('GET /lazy HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(requestsAhead));
  await waitFor(() => Promise.resolve(rooms.length > 0 || undefined));
  return socket;
}

test('an answer that has left gives its room to the next of its size', async () => {
  for (const path of ['/a', '/b']) await expectAll(path, largeBytes - 1);
  for (const path of ['/sc', '/sd']) await expectAll(path, mib - 1);
  expect(rooms[1]).toBe(rooms[0]);
  expect(rooms[3]).toBe(rooms[2]);
  expect(rooms[2]).not.toBe(rooms[0]);
});

test('an answer that its client does not take keeps its room', async () => {
  const socket = await openLazy();
  for (let count = 0; count < 3; count += 1) await expectAll('/b', largeBytes - 1);
  let own = 0;
  let others = 0;
  socket.on('data', (piece: Buffer) => {
    for (const byte of piece) {
      if (byte === fillOf('/lazy')) own += 1;
      else if (byte > 0x7f) others += 1;
    }
  });
  socket.resume();
  await waitFor(() => Promise.resolve(own === requestsAhead * (largeBytes - 1) || undefined));
  expect(others).toBe(0);
});

test('a room that was not sent is given to nobody else', async () => {
  await expectAll('/other', mib);
  await expectAll('/b', largeBytes - 1);
  expect(rooms[1]).not.toBe(rooms[0]);
});

test('a connection that breaks off takes its room with it', async () => {
  const socket = await openLazy();
  socket.destroy();
  await waitFor(() => Promise.resolve(running.exchanges.find(({ isGone }) => isGone)));
  const broken = rooms.at(-1);
  await expectAll('/b', largeBytes - 1);
  expect(rooms.at(-1)).not.toBe(broken);
});
