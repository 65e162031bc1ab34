/** Clients of HTTP/1.1 that ask for more before they have their answers, or take those late. */
import { afterEach, describe, expect, test } from 'vitest';
import type { HttpExchange } from '../../src/serve/exchange.ts';
import { waitFor } from '../support/daemon.ts';
import { listenPlainly, type PlainListener, parseAnswers } from '../support/plain-listener.ts';
import { RawClient } from '../support/raw-client.ts';

const get = (path: string, line = ''): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${line}\r\n`;
const GET_SLOW = get('/slow');
/** Makes a connection node's. */
const FOR_NODE = 'TE: trailers\r\n';
const LAST = 'GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
const UPGRADE =
  'GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

const listeners: PlainListener[] = [];
let release = Promise.withResolvers<void>();

afterEach(async () => {
  release.resolve();
  await Promise.all(listeners.splice(0).map((running) => running[Symbol.asyncDispose]()));
});

/** `/slow` answers when it is released. */
async function serve(exchange: HttpExchange): Promise<void> {
  const { target } = exchange.request;
  if (target === '/slow') await release.promise;
  exchange.send({ status: 200, headers: [] }, Buffer.from(`<${target}>`));
}

async function listen(): Promise<PlainListener> {
  release = Promise.withResolvers<void>();
  const running = await listenPlainly({}, serve);
  listeners.push(running);
  return running;
}

describe('a client that sends far ahead', () => {
  test('gets all answers one by one, where its requests are bare', async () => {
    const { port, exchanges } = await listen();
    const client = new RawClient(port);
    await client.send(GET_SLOW + get('/').repeat(500) + LAST);
    await waitFor(() => Promise.resolve(exchanges.length > 0 || undefined));
    expect(exchanges).toHaveLength(1);
    release.resolve();
    await client.closed;
    expect(parseAnswers(client.received)).toHaveLength(502);
  });

  test('leaves others their turns, where all answers come at once', async () => {
    let served = 0;
    let servedInOneTurn: number | undefined;
    await using plain = await listenPlainly({}, async (exchange) => {
      if (served === 0) {
        setImmediate(() => {
          servedInOneTurn = served;
        });
      }
      served += 1;
      exchange.start({ status: 200, headers: [] });
      exchange.end();
    });
    const client = new RawClient(plain.port);
    await client.send(get('/').repeat(500) + LAST);
    await client.closed;
    expect(parseAnswers(client.received)).toHaveLength(501);
    expect(servedInOneTurn).toBe(1);
  });

  test('gets those to the first of others; its connection ends', async () => {
    const { port, exchanges } = await listen();
    const client = new RawClient(port);
    await client.send(get('/slow', FOR_NODE) + get('/').repeat(500));
    release.resolve();
    await client.closed;
    const answers = parseAnswers(client.received);
    expect(answers).toHaveLength(17);
    expect(exchanges).toHaveLength(17);
    expect(answers.filter(({ head }) => /\r\nconnection: close\r\n/i.test(head))).toHaveLength(1);
    expect(answers.at(-1)?.head).toMatch(/\r\nconnection: close\r\n/i);
    expect(client.failure).toBeUndefined();
  });

  test('may ask for a WebSocket behind bare requests: it has its turn', async () => {
    const { port } = await listen();
    const client = new RawClient(port);
    await client.send(GET_SLOW + UPGRADE);
    release.resolve();
    await client.closed;
    const bodies = parseAnswers(client.received).map(({ body }) => body);
    expect(bodies).toEqual(['</slow>', '</chat>']);
  });
});

test('answers in their order that a client takes late come whole', async () => {
  const body = Buffer.alloc(16 * 1024, 'x');
  const running = await listenPlainly({}, async (exchange) => {
    exchange.send({ status: 200, headers: [['x-target', exchange.request.target]] }, body);
  });
  listeners.push(running);
  const { port, exchanges } = running;
  const client = new RawClient(port);
  client.socket.pause();
  // More than what the system keeps for both ends, so that some of it has to wait.
  const targets = Array.from({ length: 2_000 }, (_, at) => `/${at}`);
  let sent = 0;
  const sendMore = (): void => {
    for (; sent < targets.length && sent - exchanges.length < 10; sent += 1) {
      client.socket.write(`GET ${targets[sent]} HTTP/1.1\r\nHost: x\r\n\r\n`);
    }
  };
  let servedBefore = -1;
  while (exchanges.length > servedBefore) {
    servedBefore = exchanges.length;
    sendMore();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  client.socket.resume();
  while (exchanges.length < targets.length) {
    sendMore();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  client.socket.write(LAST);
  await client.closed;
  const answers = parseAnswers(client.received).slice(0, targets.length);
  expect(answers.every(({ isWhole }) => isWhole)).toBe(true);
  expect(answers.map(({ head }) => /x-target: (\S+)/.exec(head)?.[1])).toEqual(targets);
});
