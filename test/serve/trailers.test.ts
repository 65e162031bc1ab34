/** Fields after the body of an answer, and heads that do not wait for it. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BodyQueue } from '../../src/http/body-queue.ts';
import type { Header } from '../../src/http/message.ts';
import type { HttpExchange } from '../../src/serve/exchange.ts';
import { sendRaw } from '../support/http.ts';
import { listenPlainly, type PlainListener } from '../support/plain-listener.ts';
import { listenSecurely, type SecureListener } from '../support/tls-listener.ts';

let plain: PlainListener;
let secure: SecureListener;
let body: BodyQueue;

const serve = async (exchange: HttpExchange): Promise<void> => {
  exchange.sendPiped({ status: 200, headers: [] }, body);
  await exchange.whenPassed();
};

beforeEach(async () => {
  body = new BodyQueue({ windowBytesMax: 1_000 });
  plain = await listenPlainly({}, serve);
  secure = await listenSecurely({}, serve);
});

afterEach(() => Promise.all([plain[Symbol.asyncDispose](), secure[Symbol.asyncDispose]()]));

const trailers: readonly Header[] = [
  ['X-Sum', '1'],
  ['x-sum', '2'],
  ['Content-Length', '9'],
];

/** Of a field that should have one value only. */
const twoTags: readonly Header[] = [
  ['etag', '"a"'],
  ['etag', '"b"'],
];
const noTrailers: readonly Header[] = [
  ['x-sum', '1'],
  [':status', '200'],
];

async function askHttp1(method = 'GET'): Promise<IncomingMessage> {
  const outgoing = request({ host: '127.0.0.1', port: plain.port, method });
  outgoing.end();
  const [incoming] = await once(outgoing, 'response');
  return incoming;
}

async function readAll(incoming: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of incoming) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

test('HTTP/1.1 has them behind the last piece, but for those of the connection', async () => {
  body.push(Buffer.from('body'));
  body.end(trailers);
  const incoming = await askHttp1();
  expect(await readAll(incoming)).toBe('body');
  expect(incoming.trailers).toEqual({ 'x-sum': '1, 2' });
});

test('an answer without a body has none', async () => {
  body.end(trailers);
  const incoming = await askHttp1('HEAD');
  expect(await readAll(incoming)).toBe('');
  expect(incoming.trailers).toEqual({});
});

test('HTTP/1.1 sends a head whose body is long in coming', async () => {
  const incoming = await askHttp1();
  expect(incoming.statusCode).toBe(200);
  body.push(Buffer.from('late'));
  body.end();
  expect(await readAll(incoming)).toBe('late');
});

test.each([
  ['with them', trailers, [{ 'x-sum': '1, 2' }]],
  ['without', [], []],
  ['with one that a server has sent twice', twoTags, [{ etag: '"a"' }]],
  ['without any where node refuses one', noTrailers, []],
])('HTTP/2 ends its stream %s', async (_how, sent, expected) => {
  const session = connectHttp2(`https://127.0.0.1:${secure.port}`, {
    ca: secure.ca,
    servername: 'site.test',
  });
  const stream = session.request({ ':path': '/', ':authority': 'site.test' });
  const got: object[] = [];
  stream.on('trailers', (fields: IncomingHttpHeaders) =>
    got.push(Object.fromEntries(Object.entries(fields))),
  );
  await once(stream, 'response');
  body.push(Buffer.from('body'));
  body.end(sent);
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  expect(Buffer.concat(pieces).toString()).toBe('body');
  expect(got).toEqual(expected);
  session.close();
});

test('HTTP/2 sees that a body which might have had them broke off', async () => {
  const session = connectHttp2(`https://127.0.0.1:${secure.port}`, {
    ca: secure.ca,
    servername: 'site.test',
  });
  const stream = session.request({ ':path': '/', ':authority': 'site.test' });
  await once(stream, 'response');
  const closed = once(stream, 'close');
  stream.resume();
  body.push(Buffer.from('half'));
  body.fail(new Error('Cannot go on'));
  await expect(closed).rejects.toThrow(/NGHTTP2_INTERNAL_ERROR/);
  session.close();
});

describe('behind the body of a request', () => {
  async function serveRead(exchange: HttpExchange): Promise<void> {
    const before = exchange.bodyTrailers;
    while ((await exchange.readChunk()) !== undefined) expect(before).toEqual([]);
    const told = JSON.stringify(exchange.bodyTrailers);
    exchange.send({ status: 200, headers: [] }, Buffer.from(told));
  }

  test('HTTP/1.1 has fields, but for those that only a head may have', async () => {
    await using listener = await listenPlainly({}, serveRead);
    const raw = await sendRaw(
      listener.port,
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n' +
        '4\r\nbody\r\n0\r\nX-Sum: 1\r\nAuthorization: x\r\nX-Forwarded-For: y\r\nHost: z\r\n\r\n',
    );
    expect(raw.split('\r\n').at(-1)).toBe('[["x-sum","1"]]');
  });

  test('HTTP/2 has them', async () => {
    await using listener = await listenSecurely({}, serveRead);
    const session = connectHttp2(`https://127.0.0.1:${listener.port}`, {
      ca: listener.ca,
      servername: 'site.test',
    });
    const stream = session.request(
      { ':method': 'POST', ':path': '/', ':authority': 'site.test' },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '1', cookie: 'a=1' }));
    stream.end('body');
    const pieces: Buffer[] = [];
    for await (const piece of stream) pieces.push(piece as Buffer);
    expect(Buffer.concat(pieces).toString()).toBe('[["x-sum","1"]]');
    session.close();
  });
});
