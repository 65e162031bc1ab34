/**
 * Two rules, over every protocol: a client can tell an answer that was broken off from a whole one,
 * and what goes wrong with one request costs that request alone.
 */
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Limits } from '../../src/config/config.ts';
import type { HttpExchange } from '../../src/serve/exchange.ts';
import { type Ports, protocols, tell } from '../support/answer-clients.ts';
import { listenPlainly, type PlainListener } from '../support/plain-listener.ts';
import { listenSecurely, type SecureListener } from '../support/tls-listener.ts';

let plain: PlainListener;
let secure: SecureListener;
let ports: Ports;
let started = Promise.withResolvers<void>();

async function serve(exchange: HttpExchange): Promise<void> {
  const path = exchange.request.target;
  if (path === '/whole') {
    exchange.send({ status: 200, headers: [] }, Buffer.from('half and half'));
    return;
  }
  if (path === '/failed') throw new TypeError('Cannot answer: it was asked not to');
  if (path === '/none') {
    exchange.abort();
    return;
  }
  const headers = path === '/declared' ? ([['content-length', '13']] as const) : [];
  exchange.start({ status: 200, headers });
  await exchange.write(Buffer.from('half '));
  started.resolve();
  if (path === '/held') {
    await new Promise<void>((resolve) => exchange.onGone(resolve));
    return;
  }
  if (path === '/streamed') {
    await exchange.write(Buffer.from('and half'));
    exchange.end();
    return;
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
  exchange.abort();
}

async function listen(limits: Partial<Limits> = {}): Promise<void> {
  plain = await listenPlainly(limits, serve);
  secure = await listenSecurely(limits, serve);
  ports = { plain: plain.port, tls: secure.port };
  started = Promise.withResolvers<void>();
}

async function close(): Promise<void> {
  await Promise.all([plain[Symbol.asyncDispose](), secure[Symbol.asyncDispose]()]);
}

describe.each(protocols)('%s', (protocol) => {
  beforeEach(() => listen());
  afterEach(close);

  test.each(['/whole', '/streamed'])('shows %s as whole', async (path) => {
    const told = await tell(protocol, ports, path);
    expect(told).toEqual({ end: 'whole', status: 200, text: 'half and half' });
  });

  test('shows a failure as a whole answer', async () => {
    const told = await tell(protocol, ports, '/failed');
    expect(told).toMatchObject({ end: 'whole', status: 500 });
  });

  test.each(['/broken', '/declared'])('shows %s as broken off', async (path) => {
    expect(await tell(protocol, ports, path)).toMatchObject({ end: 'broken' });
    expect(await tell(protocol, ports, '/whole')).toMatchObject({ end: 'whole' });
  });

  test('shows no answer as none', async () => {
    expect(await tell(protocol, ports, '/none')).toMatchObject({ end: 'broken', status: 0 });
    expect(await tell(protocol, ports, '/whole')).toMatchObject({ end: 'whole' });
  });

  test('shows an answer that the end of the daemon cuts as broken off', async () => {
    const told = tell(protocol, ports, '/held');
    await started.promise;
    await Promise.all([plain.listener.drain(0), secure.listener.drain(0)]);
    expect(await told).toMatchObject({ end: 'broken' });
  });
});

describe('the neighbours on a connection of HTTP/2', () => {
  beforeEach(() => listen());
  afterEach(close);

  function open() {
    const session = connectHttp2('https://site.test', {
      createConnection: () =>
        connectTls({
          ...{ host: '127.0.0.1', port: ports.tls, servername: 'site.test' },
          ...{ ALPNProtocols: ['h2'], rejectUnauthorized: false },
        }),
    });
    const request = (path: string, headers: Record<string, string> = {}) =>
      session.request({ ':authority': 'site.test', ':path': path, ...headers });
    return { session, request };
  }

  async function read(stream: ReturnType<ReturnType<typeof open>['request']>): Promise<string> {
    let text = '';
    for await (const chunk of stream) text += chunk;
    return text;
  }

  test.each([
    ['broken off by us', '/broken', {}],
    ['never answered', '/none', {}],
    ['for another host', '/whole', { ':authority': 'other.test' }],
    ['with a bad host', '/whole', { ':authority': 'a b' }],
    ['with a body that is shorter than it says', '/whole', { 'content-length': '5' }],
    ['that the client breaks off', '/held', {}],
  ])('notice nothing of a request %s', async (_what, path, headers: Record<string, string>) => {
    const { session, request } = open();
    const neighbour = read(request('/streamed'));
    const faulty = request(path, headers);
    faulty.on('error', () => undefined);
    faulty.on('data', () => {
      if (path === '/held') faulty.close();
    });
    faulty.end();
    await new Promise((resolve) => faulty.once('close', resolve));
    expect(await neighbour).toBe('half and half');
    expect(await read(request('/whole'))).toBe('half and half');
    session.destroy();
    expect(await tell('HTTP/2', ports, '/whole')).toMatchObject({ end: 'whole' });
  });
});

describe('later visits of a client', () => {
  beforeEach(() => listen({ headerTimeoutMs: 200, bodyIdleTimeoutMs: 200 }));
  afterEach(close);

  const faults: readonly (readonly [string, string])[] = [
    ['sent garbage', 'garbage\r\n\r\n'],
    ['went away in its head', 'GET / HTTP/1.1\r\nHost: site.test\r\n'],
    [
      'went away in its body',
      'POST /whole HTTP/1.1\r\nHost: site.test\r\nContent-Length: 9\r\n\r\na',
    ],
    [
      'broke its chunks',
      'POST / HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n',
    ],
    ['asked for a bad host', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n'],
    ['asked for CONNECT', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n'],
  ];

  test.each(faults)('are served after it %s', async (_what, bytes) => {
    const socket = connect({ host: '127.0.0.1', port: ports.plain });
    socket.on('error', () => socket.destroy());
    socket.end(bytes);
    socket.resume();
    const secured = connectTls({
      ...{ host: '127.0.0.1', port: ports.tls, servername: 'site.test' },
      rejectUnauthorized: false,
    });
    secured.on('error', () => secured.destroy());
    secured.end(bytes);
    secured.resume();
    await Promise.all(
      [socket, secured].map((one) => new Promise((resolve) => one.once('close', resolve))),
    );
    for (const protocol of protocols) {
      expect(await tell(protocol, ports, '/whole')).toMatchObject({ end: 'whole' });
    }
  });
});
