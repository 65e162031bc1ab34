/** What one client does wrong on its WebSocket costs that connection, and nobody else's. */
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';
import { counterGuest } from '../support/websocket-guests.ts';

const HANDSHAKE =
  'GET /counter.wasm HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
const folder = new TestFolder();
let daemon: TestDaemon;

beforeAll(async () => {
  folder.write('counter.wasm', await counterGuest());
  daemon = await TestDaemon.start({ args: [folder.directory], threads: 1 });
  await waitFor(async () => {
    const { status } = await ask(daemon.port, '/counter.wasm');
    return status === 503 ? undefined : true;
  });
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** Sends a message; the answer. */
function say(socket: WebSocket, message: string): Promise<string> {
  return new Promise((resolve) => {
    socket.once('message', (data) => resolve(String(data)));
    socket.send(message);
  });
}

async function open(): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${daemon.port}/counter.wasm`);
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return socket;
}

test.each([
  ['reserved bits and a reserved opcode', Buffer.from([0xff, 0x7f]), 1002],
  ['a frame without a mask', Buffer.from([0x81, 0x01, 0x61]), 1002],
  ['a length beyond the limit', Buffer.from([0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0]), 1009],
])('%s', async (_what, bytes, code) => {
  const neighbour = await open();
  expect(await say(neighbour, 'a')).toBe('1');
  const rogue = connect({ host: '127.0.0.1', port: daemon.port });
  const received: Buffer[] = [];
  rogue.on('data', (chunk: Buffer) => {
    received.push(chunk);
    if (received.length === 1) rogue.write(bytes);
  });
  rogue.write(HANDSHAKE);
  await new Promise((resolve) => rogue.once('close', resolve));
  const said = Buffer.concat(received);
  expect(said.subarray(0, 12).toString()).toBe('HTTP/1.1 101');
  // The close frame begins with its code.
  expect(said.includes(Buffer.from([code >> 8, code & 0xff]))).toBe(true);
  expect(await say(neighbour, 'b')).toBe('2');
  const later = await open();
  expect(await say(later, 'a')).toBe('1');
  neighbour.close();
  later.close();
});

test('one that is asked for behind a request has its turn after the answer', async () => {
  const client = connect({ host: '127.0.0.1', port: daemon.port });
  let received = '';
  client.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
  });
  client.write(`GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n${HANDSHAKE}`);
  await waitFor(() => Promise.resolve(received.includes('101 Switching') || undefined));
  expect(received).toMatch(/^HTTP\/1\.1 404 Not Found\r\n[\s\S]+HTTP\/1\.1 101 Switching/);
  client.destroy();
});
