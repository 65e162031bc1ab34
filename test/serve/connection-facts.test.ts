import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import type { ConnectionFacts } from '../../src/http/connection-facts.ts';
import type { HttpExchange } from '../../src/serve/exchange.ts';
import { keptHelloBytesMax } from '../../src/serve/tls/kept-hellos.ts';
import { frame, preface, settingsFrame, windowFrame } from '../support/opening.ts';
import { listenPlainly } from '../support/plain-listener.ts';
import { askHttp1, askHttp2, shakeHands } from '../support/tls-client.ts';
import { FrameClient, listenSecurely, type SecureListener } from '../support/tls-listener.ts';

const opened: AsyncDisposable[] = [];

afterEach(async () => {
  for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
});

/** What was known of each request while it was answered. */
interface Known {
  readonly port: number;
  readonly ca: string;
  readonly facts: ConnectionFacts[];
  readonly listener: SecureListener['listener'];
}

function noteInto(facts: ConnectionFacts[]) {
  return async (exchange: HttpExchange): Promise<void> => {
    const { connection } = exchange;
    const { serverAddress, serverPort, headerNames, http2Fingerprint, tls } = connection;
    const held = tls && { ...tls, ja3: tls.ja3, ja4: tls.ja4 };
    facts.push({ serverAddress, serverPort, headerNames, http2Fingerprint, tls: held });
    exchange.send({ status: 200, headers: [] }, Buffer.from('ok'));
  };
}

async function listen(
  limits: Parameters<typeof listenSecurely>[0] = {},
  trustedCidrs: readonly string[] = [],
): Promise<Known> {
  const facts: ConnectionFacts[] = [];
  const running = await listenSecurely(limits, noteInto(facts), trustedCidrs);
  opened.push(running);
  return { port: running.port, ca: running.ca, facts, listener: running.listener };
}

/** A way to `port` that notes what the client sends first. */
async function recordWay(port: number): Promise<{ port: number; first: Promise<Buffer> }> {
  const { promise: first, resolve } = Promise.withResolvers<Buffer>();
  const server = createServer((client) => {
    const onward = connect(port, '127.0.0.1');
    client.once('data', resolve);
    client.pipe(onward).pipe(client);
    for (const socket of [client, onward]) socket.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  opened.push({ [Symbol.asyncDispose]: async () => void server.close() });
  return { port: address.port, first };
}

async function answered(socket: Socket): Promise<void> {
  socket.resume();
  await once(socket, 'end');
}

describe('what is known of a connection', () => {
  test('of plain HTTP: where it came to, and the headers as they came', async () => {
    const facts: ConnectionFacts[] = [];
    const running = await listenPlainly({}, noteInto(facts));
    opened.push(running);
    const socket = connect(running.port, '127.0.0.1');
    socket.write(
      'GET / HTTP/1.1\r\nX-Second: 1\r\nHOST: a.test\r\nx-sEcond: 2\r\nConnection: close\r\n\r\n',
    );
    await answered(socket);
    expect(facts).toEqual([
      {
        serverAddress: '127.0.0.1',
        serverPort: running.port,
        headerNames: ['X-Second', 'HOST', 'x-sEcond', 'Connection'],
        tls: undefined,
        http2Fingerprint: undefined,
      },
    ]);
  });

  test('of HTTPS: the hello as it was sent, and what was agreed on', async () => {
    const { port, ca, facts } = await listen();
    const way = await recordWay(port);
    await askHttp1(way.port, '/', { serverName: 'site.test', ca, headers: { 'X-One': '1' } });
    const [known] = facts;
    const sent = await way.first;
    expect(Buffer.from(known?.tls?.clientHello ?? [])).toEqual(sent.subarray(5));
    expect(known?.tls).toMatchObject({
      protocol: 'TLSv1.3',
      cipher: 'TLS_AES_256_GCM_SHA384',
      serverName: 'site.test',
    });
    expect(known?.tls?.ja3).toHaveLength(16);
    expect(known?.tls?.ja4).toMatch(/^t13d\d{4}(h1|00)_[0-9a-f]{12}_[0-9a-f]{12}$/);
    expect(known?.headerNames).toContain('X-One');
  });

  test('of TLS 1.2 the cipher is called as OpenSSL does', async () => {
    const { port, facts } = await listen();
    const socket = await shakeHands(port, { serverName: 'site.test', maxVersion: 'TLSv1.2' });
    socket.write('GET / HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n');
    await answered(socket);
    expect(facts[0]?.tls).toMatchObject({
      protocol: 'TLSv1.2',
      cipher: expect.stringMatching(/^ECDHE-(RSA|ECDSA)-AES\d+-GCM-SHA\d+$/),
    });
  });

  test('each connection has its own', async () => {
    const { port, facts } = await listen();
    const ask = async (maxVersion?: 'TLSv1.2'): Promise<void> => {
      const given = maxVersion === undefined ? {} : { maxVersion };
      const socket = await shakeHands(port, { serverName: 'site.test', ...given });
      socket.write('GET / HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n');
      await answered(socket);
    };
    for (const version of ['TLSv1.2', undefined, 'TLSv1.2'] as const) await ask(version);
    const [first, second, third] = facts.map(({ tls }) => tls?.ja4);
    expect(first?.slice(0, 3)).toBe('t12');
    expect(second?.slice(0, 3)).toBe('t13');
    expect(third).toBe(first);
  });

  test('a hello that is too long to be kept is served all the same', async () => {
    const { port, facts } = await listen();
    const names = Array.from({ length: 20 }, (_, at) => `${at}`.padStart(250, 'x'));
    const protocols = [...names, 'http/1.1'];
    expect(protocols.join('').length).toBeGreaterThan(keptHelloBytesMax);
    const socket = await shakeHands(port, { serverName: 'site.test', protocols });
    socket.write('GET / HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n');
    await answered(socket);
    expect(facts[0]?.tls).toMatchObject({
      serverName: 'site.test',
      clientHello: undefined,
      ja3: undefined,
      ja4: undefined,
    });
  });

  test("a proxy's handshake is not the visitor's", async () => {
    const { port, ca, facts } = await listen({}, ['127.0.0.1/32']);
    const forwarded = { 'x-forwarded-for': '192.0.2.9' };
    const options = { serverName: 'site.test', ca, headers: forwarded };
    await askHttp1(port, '/', options);
    await askHttp2(port, '/', options);
    expect(facts.map(({ tls }) => tls)).toEqual([undefined, undefined]);
    expect(facts.map(({ http2Fingerprint }) => http2Fingerprint)).toEqual([undefined, undefined]);
    expect(facts[0]?.headerNames).toContain('x-forwarded-for');
  });

  test('may be asked for when it has gone', async () => {
    const known = Promise.withResolvers<ConnectionFacts>();
    const running = await listenSecurely({}, async (exchange) => {
      exchange.onGone(() => known.resolve(exchange.connection));
    });
    opened.push(running);
    const socket = await shakeHands(running.port, { serverName: 'site.test' });
    socket.write('GET / HTTP/1.1\r\nHost: site.test\r\n\r\n');
    await expect.poll(() => running.exchanges.length).toBe(1);
    socket.destroy();
    const facts = await known.promise;
    expect(facts.headerNames).toEqual(['Host']);
    expect(() => [facts.tls?.ja4, facts.http2Fingerprint, facts.serverPort]).not.toThrow();
  });
});

function openHttp2(port: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      ...{ host: '127.0.0.1', port, servername: 'site.test' },
      ...{ ALPNProtocols: ['h2'], rejectUnauthorized: false },
    });
    socket.once('error', reject);
    socket.once('secureConnect', () => resolve(socket.resume()));
  });
}

function requestFrame(streamId: number): Buffer {
  const { type, flags, payload } = FrameClient.get(streamId);
  return frame(type, flags, streamId, payload);
}

describe('what is known of an HTTP/2 connection', () => {
  test('how it was opened, for each of its requests', async () => {
    const { port, facts } = await listen();
    const socket = await openHttp2(port);
    const opening = [preface, settingsFrame([4, 70_000], [2, 0]), windowFrame(12_345)];
    socket.write(Buffer.concat([...opening, requestFrame(1)]));
    await expect.poll(() => facts.length).toBe(1);
    socket.write(Buffer.concat([windowFrame(99), requestFrame(3)]));
    await expect.poll(() => facts.length).toBe(2);
    const fingerprint = '4:70000;2:0|12345|0|m,p,s,a';
    expect(facts.map(({ http2Fingerprint }) => http2Fingerprint)).toEqual([
      fingerprint,
      fingerprint,
    ]);
    expect(facts[0]?.tls?.ja4).toMatch(/^t13d\d{4}h2_/);
    expect(facts[0]?.headerNames).toEqual([]);
    socket.destroy();
  });

  test('the names of headers, each time and without pseudo-headers', async () => {
    const { port, facts } = await listen();
    const session = connectHttp2('https://site.test', {
      createConnection: () =>
        connectTls({
          ...{ host: '127.0.0.1', port, servername: 'site.test' },
          ...{ ALPNProtocols: ['h2'], rejectUnauthorized: false },
        }),
    });
    const stream = session.request({ 'x-b': '1', cookie: ['a=1', 'b=2'], 'x-a': '2' });
    stream.resume();
    await once(stream, 'end');
    session.destroy();
    expect(facts[0]?.headerNames).toEqual(['x-b', 'cookie', 'cookie', 'x-a']);
    expect(facts[0]?.http2Fingerprint).toMatch(/^[\d:;]*\|\d+\|0\|[amps](,[amps]){3}$/);
  });

  test('is served also when it opens byte by byte', async () => {
    const { port, facts } = await listen();
    const socket = await openHttp2(port);
    socket.setNoDelay(true);
    for (const byte of Buffer.concat([preface, settingsFrame([2, 0]), requestFrame(1)])) {
      socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => facts.length).toBe(1);
    expect(facts[0]?.tls?.protocol).toBe('TLSv1.3');
    socket.destroy();
  });

  test('ends when nothing comes on it', async () => {
    const { port, facts } = await listen({ headerTimeoutMs: 50 });
    const socket = await openHttp2(port);
    await once(socket, 'close');
    expect(facts).toEqual([]);
  });

  test('does not hold up the end of the listener while nothing comes on it', async () => {
    const { port, listener } = await listen();
    const socket = await openHttp2(port);
    const closed = once(socket, 'close');
    await listener.drain(60_000);
    await closed;
  });
});
