/** What still comes on a connection that is about to end: nothing of it is read as a request. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { aheadBytesMax } from '../../../src/serve/bare/connection.ts';
import type { HttpExchange } from '../../../src/serve/exchange.ts';
import { waitFor } from '../../support/daemon.ts';
import { listenPlainly, type PlainListener } from '../../support/plain-listener.ts';

const LINGER_BYTES = 120_000;
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;

let running: PlainListener;
let release: PromiseWithResolvers<void>;
let clients: Socket[];

/** Keeps its own side open when the other ends. */
function open(): Socket {
  const options = { host: '127.0.0.1', port: running.port, allowHalfOpen: true };
  const socket = connect(options).on('error', () => undefined);
  socket.resume();
  clients.push(socket);
  return socket;
}

async function untilServed(count: number): Promise<void> {
  await waitFor(() => Promise.resolve(running.exchanges.length >= count || undefined));
}

/** A connection that has sent more than is kept for its client, behind a request; it is ended. */
async function openFull(): Promise<Socket> {
  const first = open();
  first.write(get('/slow') + get('/first'));
  await untilServed(1);
  const second = open();
  second.write(get('/slow') + get('/ahead'));
  await untilServed(2);
  release.resolve();
  await once(second, 'end');
  return second;
}

beforeEach(async () => {
  release = Promise.withResolvers();
  clients = [];
  const limits = {
    heldBytesPerClientMax: aheadBytesMax,
    ...{ lingerBytesMax: LINGER_BYTES, lingerMs: 3_600_000 },
  };
  running = await listenPlainly(limits, async (exchange: HttpExchange) => {
    if (exchange.request.target === '/slow') await release.promise;
    exchange.send({ status: 200, headers: [] }, Buffer.from('x'));
  });
});

afterEach(async () => {
  for (const client of clients) client.destroy();
  await running[Symbol.asyncDispose]();
});

/** Of the two connections, the one that was full. */
async function untilGone(): Promise<void> {
  const { listener } = running;
  await waitFor(() => Promise.resolve(listener.connectionCounts.http1 === 1 || undefined));
}

test('is no request, whatever it looks like', async () => {
  const full = await openFull();
  full.end(get('/late'));
  await untilGone();
  const served = running.exchanges.map(({ request }) => request.target).sort();
  expect(served).toEqual(['/first', '/slow', '/slow']);
});

test('lingerBytesMax: is counted, and no more of it is taken', async () => {
  const full = await openFull();
  full.write(get(`/${'a'.repeat(60)}`).repeat(LINGER_BYTES / 60));
  await untilGone();
  expect(running.exchanges.length).toBe(3);
});
