/** Floods over one connection of HTTP/2, each frame of which is allowed. */
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import type { Limits } from '../../src/config/config.ts';
import type { HttpExchange } from '../../src/serve/exchange.ts';
import { askHttp2 } from '../support/tls-client.ts';
import {
  answerLength,
  type Frame,
  FrameClient,
  frameTypes,
  listenSecurely,
  type SecureListener,
} from '../support/tls-listener.ts';

const KIB = 1024;
const ENHANCE_YOUR_CALM = 11;
const tight = { http2FrameBytesPerSecondMax: 4 * KIB, http2HeaderBytesPerSecondMax: 64 * KIB };
const NOTHING = Buffer.alloc(0);
const OF_ONE = { streamId: 1 };

function frame(type: number, options: Partial<Frame> = {}): Frame {
  return { type, flags: 0, streamId: 0, payload: NOTHING, ...options };
}

describe('HTTP/2 floods', () => {
  let running: SecureListener;
  const sessions: ClientHttp2Session[] = [];

  afterEach(async () => {
    for (const session of sessions.splice(0)) session.destroy();
    await running[Symbol.asyncDispose]();
  });

  async function listen(
    limits: Partial<Limits> = {},
    serve: (exchange: HttpExchange) => Promise<void> = answerLength,
    trustedCidrs: readonly string[] = [],
  ): Promise<void> {
    running = await listenSecurely({ ...tight, ...limits }, serve, trustedCidrs);
  }

  function openSession(): ClientHttp2Session {
    const session = connectHttp2('https://site.test', {
      createConnection: () =>
        connect({
          ...{ host: '127.0.0.1', port: running.port, servername: 'site.test' },
          ...{ ca: running.ca, ALPNProtocols: ['h2'] },
        }),
    });
    session.on('error', () => session.destroy());
    sessions.push(session);
    return session;
  }

  test.each([
    ['WINDOW_UPDATE', frame(8, { payload: Buffer.from([0, 0, 0, 1]) }), /carry nothing/],
    ['PRIORITY', frame(2, { streamId: 3, payload: Buffer.from([0, 0, 0, 0, 1]) }), /carry nothing/],
    ['unknown frames', frame(200), /carry nothing/],
    ['PING', FrameClient.ping(), /PING or SETTINGS/],
    ['SETTINGS', frame(frameTypes.settings), /PING or SETTINGS/],
  ])('of %s end the connection, and HTTP/2 for a while', async (_name, one, reason) => {
    await listen();
    const client = await FrameClient.open(running.port);
    const batch = Array.from({ length: 300 }, () => one);
    const sending = setInterval(() => client.send(...batch), 10);
    await client.closed;
    clearInterval(sending);
    const goaway = client.frames.find(({ type }) => type === frameTypes.goaway);
    expect(goaway?.payload.readUInt32BE(4)).toBe(ENHANCE_YOUR_CALM);
    expect(running.floods).toEqual([expect.stringMatching(reason)]);
    await expect(FrameClient.open(running.port)).rejects.toThrow(/no application protocol/i);
  });

  test('of empty DATA end the connection, too: node counts them', async () => {
    await listen();
    const client = await FrameClient.open(running.port);
    client.send(FrameClient.get(1, true), ...Array.from({ length: 300 }, () => frame(0, OF_ONE)));
    await client.closed;
    await expect(FrameClient.open(running.port)).rejects.toThrow(/no application protocol/i);
  });

  test('of headers that compression makes small end the connection', async () => {
    await listen();
    const session = openSession();
    const closed = new Promise<void>((resolve) => session.once('close', () => resolve()));
    let isClosed = false;
    void closed.then(() => {
      isClosed = true;
    });
    let requests = 0;
    for (; !isClosed && requests < 1_000; requests += 1) {
      const stream = session.request({ ':path': '/', 'x-large': 'x'.repeat(3_500) });
      stream.on('error', () => undefined);
      stream.resume();
      await new Promise((resolve) => stream.once('close', resolve));
    }
    expect(running.floods).toEqual([expect.stringMatching(/headers/)]);
    expect(requests).toBeGreaterThan(10);
    expect(running.exchanges.length).toBeLessThan(200);
  });

  test('are not uploads, downloads and many requests', async () => {
    const size = 3 * KIB * KIB;
    await listen({}, async (exchange) => {
      const body = await exchange.readBody(size);
      exchange.send({ status: 200, headers: [] }, new Uint8Array(body.length));
    });
    const options = { serverName: 'site.test', ca: running.ca };
    for (let round = 0; round < 3; round += 1) {
      const body = 'x'.repeat(size);
      const reply = await askHttp2(running.port, '/', { ...options, method: 'POST', body });
      expect(reply.text).toHaveLength(size);
    }
    const session = openSession();
    for (let round = 0; round < 30; round += 1) {
      const streams = Array.from({ length: 20 }, () => session.request({ ':path': '/' }));
      await Promise.all(
        streams.map((stream) => {
          stream.resume();
          return new Promise<void>((resolve) => stream.once('close', () => resolve()));
        }),
      );
    }
    expect(running.floods).toEqual([]);
    expect(session.destroyed).toBe(false);
  });

  test('are not held against trusted proxies, which carry the requests of many', async () => {
    await listen({}, answerLength, ['127.0.0.0/8']);
    const client = await FrameClient.open(running.port);
    for (let batch = 0; batch < 10; batch += 1) {
      client.send(...Array.from({ length: 500 }, () => frame(200)));
    }
    client.send(FrameClient.ping());
    await expect.poll(() => client.frames.some(({ type }) => type === frameTypes.ping)).toBe(true);
    expect(running.floods).toEqual([]);
    client.destroy();
  });
});
