/** Interim answers, over every protocol (RFC 9110, section 15.2). */
import { once } from 'node:events';
import { request as requestHttp } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HttpExchange } from '../../src/serve/exchange.ts';
import { InterimReplies, interimBytesMax, interimRepliesMax } from '../../src/serve/interim.ts';
import { sendRaw } from '../support/http.ts';
import { listenPlainly, type PlainListener, parseAnswers } from '../support/plain-listener.ts';
import { listenSecurely, type SecureListener } from '../support/tls-listener.ts';

const EARLY_HINTS = {
  status: 103,
  headers: [
    ['link', '</a.css>; rel=preload'],
    ['link', '</b.css>; rel=preload'],
    ['connection', 'close'],
  ],
} as const;

let plain: PlainListener;
let secure: SecureListener;
let told: unknown[] = [];

async function serve(exchange: HttpExchange): Promise<void> {
  const { target } = exchange.request;
  const count = target === '/many' ? interimRepliesMax + 1 : 1;
  for (let index = 0; index < count; index += 1) told.push(exchange.inform(EARLY_HINTS));
  if (target === '/102') told.push(exchange.inform({ status: 102, headers: [] }));
  if (target === '/body') await exchange.readBody(1_000);
  exchange.send({ status: 200, headers: [] }, Buffer.from('done'));
  if (target !== '/late') return;
  try {
    exchange.inform(EARLY_HINTS);
  } catch (error) {
    told.push(error);
  }
}

beforeEach(async () => {
  told = [];
  plain = await listenPlainly({}, serve);
  secure = await listenSecurely({}, serve);
});

afterEach(() => Promise.all([plain[Symbol.asyncDispose](), secure[Symbol.asyncDispose]()]));

describe('HTTP/1.1', () => {
  test('an interim answer stands before the answer, on a connection that lives on', async () => {
    const head = 'GET /102 HTTP/1.1\r\nHost: x\r\n\r\nGET /last HTTP/1.1\r\nHost: x\r\n';
    const raw = await sendRaw(plain.port, `${head}Connection: close\r\n\r\n`);
    const answers = parseAnswers(raw);
    expect(answers.map(({ status }) => status)).toEqual([103, 102, 200, 103, 200]);
    expect(answers[0]?.head).toMatch(/^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a.css>.*\r\nlink: /);
    expect(answers[0]?.head).not.toMatch(/content-length|transfer-encoding|connection/i);
    expect(answers[2]?.body).toBe('done');
    expect(told).toEqual([true, true, true]);
  });

  test('a client of HTTP/1.0 gets the answer alone', async () => {
    const raw = await sendRaw(plain.port, 'GET / HTTP/1.0\r\nHost: x\r\n\r\n');
    expect(parseAnswers(raw).map(({ status }) => status)).toEqual([200]);
    expect(told).toEqual([false]);
  });

  test('a client that waits for 100 gets both', async () => {
    const head = 'POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n';
    const raw = await sendRaw(plain.port, `${head}Connection: close\r\n\r\nabc`);
    expect(parseAnswers(raw).map(({ status }) => status)).toEqual([103, 100, 200]);
  });

  test('node reads them', async () => {
    const request = requestHttp({ port: plain.port, path: '/' });
    const informed = once(request, 'information');
    const answered = once(request, 'response');
    request.end();
    const [information] = await informed;
    expect(information.statusCode).toBe(103);
    expect(information.headers.link).toBe('</a.css>; rel=preload, </b.css>; rel=preload');
    const [response] = await answered;
    expect(response.statusCode).toBe(200);
    response.resume();
  });

  test('no more than a client should get', async () => {
    const head = 'GET /many HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    const answers = parseAnswers(await sendRaw(plain.port, head));
    expect(answers).toHaveLength(interimRepliesMax + 1);
    expect(answers.at(-1)).toMatchObject({ status: 200, isWhole: true });
    expect(told.at(-1)).toBe(false);
  });

  test('none after the answer', async () => {
    await sendRaw(plain.port, 'GET /late HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(told[1]).toBeInstanceOf(TypeError);
  });
});

test('HTTP/2 carries them in frames of their own', async () => {
  const session = connectHttp2('https://site.test', {
    createConnection: () =>
      connectTls({
        ...{ host: '127.0.0.1', port: secure.port, servername: 'site.test' },
        ...{ ALPNProtocols: ['h2'], rejectUnauthorized: false },
      }),
  });
  const stream = session.request({ ':authority': 'site.test', ':path': '/102' });
  const informed: unknown[] = [];
  stream.on('headers', (headers) => informed.push([headers[':status'], headers.link]));
  const [headers] = await once(stream, 'response');
  stream.resume();
  await once(stream, 'end');
  session.close();
  expect(headers[':status']).toBe(200);
  expect(informed).toEqual([
    [103, '</a.css>; rel=preload, </b.css>; rel=preload'],
    [102, undefined],
  ]);
});

describe('InterimReplies', () => {
  test.each([99, 101, 200, 103.5])('%d is none', (status) =>
    expect(() => new InterimReplies().tryAdd({ status, headers: [] })).toThrow(TypeError),
  );

  test('bounds their bytes together', () => {
    const replies = new InterimReplies();
    const half = { status: 103, headers: [['x', 'y'.repeat(interimBytesMax / 2 - 1)]] } as const;
    expect(replies.tryAdd(half)).toBe(true);
    expect(replies.tryAdd(half)).toBe(true);
    expect(replies.tryAdd({ status: 103, headers: [['x', 'y']] })).toBe(false);
    expect(replies.tryAdd({ status: 103, headers: [] })).toBe(true);
  });
});
