import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import type { Limits } from '../../src/config/config.ts';
import type { HttpExchange } from '../../src/serve/exchange.ts';
import { askHttp1, askHttp2 } from '../support/tls-client.ts';
import {
  FrameClient,
  frameTypes,
  listenSecurely,
  type SecureListener,
} from '../support/tls-listener.ts';

const PROTOCOL_ERROR = 1;

describe('HTTP/2', () => {
  let running: SecureListener;
  const held: (() => void)[] = [];

  afterEach(async () => {
    for (const release of held.splice(0)) release();
    await running[Symbol.asyncDispose]();
  });

  async function listen(
    limits: Partial<Limits> = {},
    serve?: (exchange: HttpExchange) => Promise<void>,
  ): Promise<void> {
    running = await listenSecurely(limits, serve);
  }

  /** Never answers, until the test is over. */
  function hold(): Promise<void> {
    return new Promise((resolve) => held.push(resolve));
  }

  function ask(path: string, options: Partial<Parameters<typeof askHttp2>[2]> = {}) {
    return askHttp2(running.port, path, { serverName: 'site.test', ca: running.ca, ...options });
  }

  test('hands over requests with their bodies', async () => {
    await listen();
    const body = 'x'.repeat(70_000);
    expect((await ask('/', { method: 'POST', body })).text).toBe('POST 2.0 https 70000');
    expect((await ask('/')).text).toBe('GET 2.0 https 0');
    expect((await ask('/', { method: 'HEAD' })).text).toBe('');
  });

  test('gives guests the host and one cookie header', async () => {
    await listen();
    await ask('/a?b', { headers: { cookie: ['a=1', 'b=2'], 'x-forwarded-for': '1.2.3.4' } });
    const request = running.exchanges[0]?.request;
    expect(request?.authority).toBe('site.test');
    expect(request?.target).toBe('/a?b');
    const headers = request?.headers ?? [];
    expect(headers).toContainEqual(['host', 'site.test']);
    expect(headers.filter(([name]) => name === 'cookie')).toEqual([['cookie', 'a=1; b=2']]);
    expect(headers.some(([name]) => name.startsWith(':'))).toBe(false);
    expect(headers.some(([name]) => name === 'x-forwarded-for')).toBe(false);
  });

  test('streams answers, and leaves the connection headers of HTTP/1.1 out', async () => {
    await listen({}, async (exchange) => {
      exchange.start({
        status: 200,
        headers: [
          ['connection', 'close'],
          ['x-a', '1'],
          ['x-a', '2'],
        ],
      });
      await exchange.write(Buffer.from('one '));
      await exchange.write(Buffer.from('two'));
      exchange.end();
    });
    const reply = await ask('/');
    expect(reply.text).toBe('one two');
    expect(reply.headers['x-a']).toBe('1, 2');
    expect(reply.headers.connection).toBeUndefined();
  });

  test('passes a field on that was sent twice, as HTTP/1.1 does', async () => {
    await listen({}, async (exchange) => {
      const headers = [
        ['age', '1'],
        ['age', '2'],
        ['http2-settings', 'AAMAAABk'],
      ] as const;
      exchange.send({ status: 200, headers }, Buffer.from('whole'));
    });
    expect(await ask('/')).toMatchObject({ status: 200, text: 'whole' });
  });

  test('refuses an authority and another Host', async () => {
    await listen();
    const reply = await ask('/', { headers: { host: 'evil.test' } });
    expect(reply.status).toBe(400);
    expect(running.rejected[0]?.errorCode).toBe('bad-host');
  });

  test('carries only so many requests at once', async () => {
    await listen({ http2StreamsMax: 5 }, hold);
    const client = await FrameClient.open(running.port);
    client.send(...Array.from({ length: 5 }, (_, n) => FrameClient.get(2 * n + 1)));
    await expect.poll(() => running.exchanges.length).toBe(5);
    client.send(FrameClient.get(11));
    await client.closed;
    const goaway = client.frames.find((frame) => frame.type === frameTypes.goaway);
    expect(goaway?.payload.readUInt32BE(4)).toBe(PROTOCOL_ERROR);
    expect(running.exchanges.length).toBe(5);
  });

  test('ends a connection that breaks requests off again and again', async () => {
    await listen({ http2ResetsMax: 50 }, hold);
    const client = await FrameClient.open(running.port);
    let isClosed = false;
    void client.closed.then(() => {
      isClosed = true;
    });
    let id = 1;
    for (; !isClosed && id < 4_000; id += 2) {
      client.send(FrameClient.get(id));
      await new Promise((resolve) => setImmediate(resolve));
      client.send(FrameClient.reset(id));
    }
    await client.closed;
    expect(id).toBeGreaterThan(2 * 50);
    expect(id).toBeLessThan(2 * 900);
    expect(running.exchanges.length).toBeLessThan(500);
    await expect.poll(() => running.exchanges.every((exchange) => exchange.isGone)).toBe(true);
  });

  test('runs no more of a flood of resets than requests may be under way at once', async () => {
    await listen({ http2StreamsMax: 20 }, hold);
    const client = await FrameClient.open(running.port);
    const pairs = Array.from({ length: 2_000 }, (_, n) => [
      FrameClient.get(2 * n + 1),
      FrameClient.reset(2 * n + 1),
    ]);
    client.send(...pairs.flat());
    await client.closed;
    expect(running.exchanges.length).toBeLessThan(200);
  });

  test('runs nothing that is broken off with the same breath', async () => {
    await listen({}, hold);
    const client = await FrameClient.open(running.port);
    client.send(FrameClient.get(1), FrameClient.reset(1), FrameClient.get(3), FrameClient.ping());
    await expect.poll(() => running.exchanges.length).toBe(1);
    client.destroy();
  });

  test('forgives as many resets as the limit says', async () => {
    await listen({ http2ResetsMax: 50 }, hold);
    const client = await FrameClient.open(running.port);
    const pairs = Array.from({ length: 40 }, (_, n) => [
      FrameClient.get(2 * n + 1),
      FrameClient.reset(2 * n + 1),
    ]);
    client.send(...pairs.flat(), FrameClient.ping());
    await expect.poll(() => client.frames.some((one) => one.type === frameTypes.ping)).toBe(true);
    expect(client.frames.some((frame) => frame.type === frameTypes.goaway)).toBe(false);
    client.destroy();
  });

  test('refuses headers that are too large or too many, and goes on', async () => {
    await listen({ headerBytesMax: 4_096, headersMax: 20 });
    const large = ask('/', { headers: { 'x-large': 'x'.repeat(4_096) } });
    expect(await outcomeOf(large)).toBe(431);
    expect((await ask('/', { headers: { 'x-large': 'x'.repeat(3_500) } })).status).toBe(200);
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`x-${n}`, '1']));
    expect(await outcomeOf(ask('/', { headers: many }))).not.toBe(200);
    expect(running.exchanges.length).toBe(1);
    expect((await ask('/')).status).toBe(200);
  });

  test('ends a connection without requests, pings or not', async () => {
    await listen({ keepAliveTimeoutMs: 300 });
    const client = await FrameClient.open(running.port);
    client.send(FrameClient.get(1));
    await expect.poll(() => running.exchanges.length).toBe(1);
    const pings = setInterval(() => client.send(FrameClient.ping()), 20);
    await client.closed;
    clearInterval(pings);
    expect(client.frames.some((frame) => frame.type === frameTypes.goaway)).toBe(true);
  });

  test('ends a connection that never asks for anything', async () => {
    await listen({ headerTimeoutMs: 200 });
    const client = await FrameClient.open(running.port);
    await client.closed;
    expect(running.exchanges.length).toBe(0);
  });

  test('tells a run that its client has gone', async () => {
    const gone = Promise.withResolvers<void>();
    await listen({}, (exchange) => {
      exchange.onGone(() => gone.resolve());
      return hold();
    });
    const client = await FrameClient.open(running.port);
    client.send(FrameClient.get(1));
    await expect.poll(() => running.exchanges.length).toBe(1);
    client.send(FrameClient.reset(1));
    await gone.promise;
    client.destroy();
  });

  test('does not hold an answer for a client that never takes it', async () => {
    await listen({ replyIdleTimeoutMs: 200 }, async (exchange) => {
      exchange.send({ status: 200, headers: [] }, new Uint8Array(1_000_000));
    });
    const client = await FrameClient.open(running.port);
    client.send(FrameClient.get(1));
    // Its window takes 64 KiB; it is never opened again.
    const reset = () => client.frames.find((frame) => frame.type === frameTypes.reset);
    await expect.poll(() => reset()?.streamId, { timeout: 10_000 }).toBe(1);
    client.destroy();
  });

  test('answers what is under way when it drains, and takes nothing new', async () => {
    const release = Promise.withResolvers<void>();
    await listen({}, async (exchange) => {
      await release.promise;
      exchange.send({ status: 200, headers: [] }, Buffer.from('done'));
    });
    const reply = ask('/');
    await expect.poll(() => running.exchanges.length).toBe(1);
    const drained = running.listener.drain(10_000);
    release.resolve();
    expect((await reply).text).toBe('done');
    await drained;
  });

  test('asks for 100-continue before a body that is announced', async () => {
    await listen();
    const session = connectHttp2('https://site.test', {
      createConnection: () =>
        connect({
          ...{ host: '127.0.0.1', port: running.port, servername: 'site.test' },
          ...{ ca: running.ca, ALPNProtocols: ['h2'] },
        }),
    });
    const stream = session.request(
      { ':method': 'POST', ':path': '/', expect: '100-continue' },
      { endStream: false },
    );
    stream.on('continue', () => stream.end('body'));
    const text = await new Promise<string>((resolve, reject) => {
      let received = '';
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => {
        received += chunk;
      });
      stream.on('end', () => resolve(received));
      stream.on('error', reject);
    });
    expect(text).toBe('POST 2.0 https 4');
    session.destroy();
  });

  test('keeps the connection when a body is not wanted', async () => {
    await listen({}, async (exchange) => {
      exchange.send({ status: 413, headers: [] }, Buffer.from('no'));
    });
    const reply = await ask('/', { method: 'POST', body: 'x'.repeat(500_000) });
    expect(reply.status).toBe(413);
  });

  test('is chosen by ALPN; HTTP/1.1 is there beside it', async () => {
    await listen();
    const options = { serverName: 'site.test', ca: running.ca };
    expect((await askHttp1(running.port, '/', options)).text).toBe('GET 1.1 https 0');
  });
});

/** The status of the answer, or 0 when the stream broke. */
async function outcomeOf(reply: Promise<{ readonly status: number }>): Promise<number> {
  return reply.then(
    ({ status }) => status,
    () => 0,
  );
}
