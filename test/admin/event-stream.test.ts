import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, test } from 'vitest';
import { EventStream } from '../../src/admin/event-stream.ts';

/** A stream to a client that reads the head and then nothing. */
async function openStalled(commentMs: number, isWelcome?: () => boolean) {
  const { promise, resolve } = Promise.withResolvers<ServerResponse>();
  const server = createServer((_incoming, response) => resolve(response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  const response = await promise;
  const stream = new EventStream(response, isWelcome ? { commentMs, isWelcome } : { commentMs });
  await once(client, 'data');
  client.pause();
  const close = async (): Promise<void> => {
    client.destroy();
    server.close();
    await once(server, 'close');
  };
  return { client, response, stream, close };
}

const line = { name: 'line', data: 'x'.repeat(16 * 1024) };

test('what is not read is left out at 256 KiB, and told to who reads again', async () => {
  const { client, close, response, stream } = await openStalled(1_000_000);
  for (let count = 0; count < 2_000; count += 1) {
    stream.send(line);
    if (count % 50 === 0) await new Promise(setImmediate);
  }
  expect(response.writableLength).toBeLessThan(256 * 1024 + 2 * line.data.length);
  expect(stream.hasRoom).toBe(false);
  let text = '';
  client.on('data', (chunk) => {
    text += chunk;
  });
  client.resume();
  await stream.whenRoom();
  stream.send({ name: 'line', data: 'the last' });
  while (!text.includes('the last')) await once(client, 'data');
  expect(text).toMatch(/event: gap\ndata: \{"events":\d+\}\n\nevent: line\ndata: the last/);
  await close();
});

test('a client that reads nothing for eight comments loses its stream', async () => {
  const { close, stream } = await openStalled(20);
  const closed = new Promise<void>((resolve) => stream.onClose(resolve));
  while (stream.hasRoom && stream.isOpen) {
    stream.send(line);
    await new Promise(setImmediate);
  }
  await closed;
  expect(stream.isOpen).toBe(false);
  await close();
});

test('who has signed out meanwhile loses his stream with the next comment', async () => {
  let isWelcome = true;
  const { client, close, stream } = await openStalled(20, () => isWelcome);
  const closed = new Promise<void>((resolve) => stream.onClose(resolve));
  let text = '';
  client.on('data', (chunk) => {
    text += chunk;
  });
  client.resume();
  while (!text.includes(':\n\n')) await once(client, 'data');
  isWelcome = false;
  await closed;
  expect(stream.isOpen).toBe(false);
  await close();
});
