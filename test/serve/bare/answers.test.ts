/** Answers to bare requests are what node's side answers to the same request. */
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Header } from '../../../src/http/message.ts';
import type { HttpExchange } from '../../../src/serve/exchange.ts';
import { listenPlainly, type PlainListener } from '../../support/plain-listener.ts';
import { listenSecurely, type SecureListener } from '../../support/tls-listener.ts';

let plain: PlainListener;
let secure: SecureListener;

const kib = 1024;
const typed: Header = ['content-type', 'text/plain'];

function whole(exchange: HttpExchange, bytes: number, status = 200, headers = [typed]): void {
  exchange.send({ status, headers }, Buffer.alloc(bytes, exchange.request.target));
}

async function inPieces(
  exchange: HttpExchange,
  sizes: readonly number[],
  length?: number,
): Promise<void> {
  exchange.start({ status: 200, headers: [typed] }, length);
  for (const size of sizes) await exchange.write(Buffer.alloc(size, exchange.request.target));
  exchange.end();
}

/** A body from elsewhere, with fields behind it. */
function piped(exchange: HttpExchange, trailers: readonly Header[]): void {
  const pieces = [Buffer.from('one '), Buffer.alloc(70 * kib, 'x'), Buffer.from(' two')];
  exchange.sendPiped(
    { status: 200, headers: [typed] },
    {
      knownBytes: undefined,
      trailers,
      read: () => Promise.resolve(pieces.shift()),
      cancel: () => undefined,
    },
  );
}

const ways: Readonly<Record<string, (exchange: HttpExchange) => void | Promise<void>>> = {
  '/empty': (exchange) => whole(exchange, 0),
  '/short': (exchange) => whole(exchange, 6),
  '/20k': (exchange) => whole(exchange, 20 * kib),
  '/60k': (exchange) => whole(exchange, 60 * kib),
  '/100k': (exchange) => whole(exchange, 100 * kib),
  '/5M': (exchange) => whole(exchange, 5 * kib * kib + 1),
  '/204': (exchange) => whole(exchange, 0, 204),
  '/205': (exchange) => whole(exchange, 0, 205),
  '/304': (exchange) => whole(exchange, 0, 304, [['etag', '"a"']]),
  '/404': (exchange) => whole(exchange, 3, 404),
  '/599': (exchange) => whole(exchange, 3, 599),
  '/dated': (exchange) => whole(exchange, 3, 200, [['date', new Date(0).toUTCString()]]),
  '/expecting': (exchange) => whole(exchange, 3, 200, [['expect', 'x'], typed, typed]),
  '/none-in-pieces': (exchange) => inPieces(exchange, []),
  '/pieces': (exchange) => inPieces(exchange, [1, 2, 20 * kib, 3, 300 * kib, 4]),
  '/measured': (exchange) => inPieces(exchange, [1, 2, 20 * kib], 3 + 20 * kib),
  '/measured-none': (exchange) => inPieces(exchange, [], 0),
  '/much': (exchange) => inPieces(exchange, Array(40).fill(100 * kib)),
  '/piped': (exchange) => piped(exchange, []),
  '/trailing': (exchange) =>
    piped(exchange, [
      ['x-sum', '1'],
      ['x-sum', '2'],
    ]),
  '/informing': (exchange) => {
    exchange.inform({ status: 103, headers: [['link', '</a.css>']] });
    whole(exchange, 3);
  },
};

async function serve(exchange: HttpExchange): Promise<void> {
  const { target } = exchange.request;
  if (target === '/last') whole(exchange, 3);
  else await ways[target]?.(exchange);
}

beforeAll(async () => {
  plain = await listenPlainly({}, serve);
  secure = await listenSecurely({}, serve);
});

afterAll(() => Promise.all([plain[Symbol.asyncDispose](), secure[Symbol.asyncDispose]()]));

/** All that comes back on a connection of its own, on which another request follows. */
function exchangeRaw(over: string, head: string): Promise<string> {
  const socket =
    over === 'HTTP'
      ? connect({ host: '127.0.0.1', port: plain.port })
      : connectTls({
          ...{ host: '127.0.0.1', port: secure.port, ALPNProtocols: ['http/1.1'] },
          ...{ servername: 'site.test', rejectUnauthorized: false },
        });
  const last = 'GET /last HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n';
  socket.write(head + last);
  let raw = '';
  socket.on('data', (chunk: Buffer) => {
    raw += chunk.toString('latin1');
  });
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => resolve(raw));
  });
}

interface Answer {
  readonly lines: readonly string[];
  readonly body: string;
}

/** Takes what came apart; heads without what differs from request to request, in one order. */
function parse(raw: string, isHead: boolean): readonly Answer[] {
  const answers: Answer[] = [];
  let rest = raw;
  let mayHaveBody = !isHead;
  while (rest !== '') {
    const headEnd = rest.indexOf('\r\n\r\n') + 4;
    const [first = '', ...lines] = rest.slice(0, headEnd).trimEnd().toLowerCase().split('\r\n');
    rest = rest.slice(headEnd);
    const status = Number(/^http\/1\.1 (\d{3}) /.exec(first)?.[1]);
    const hasBody = mayHaveBody && status >= 200 && status !== 204 && status !== 304;
    if (status >= 200) mayHaveBody = true;
    const { body, taken } = hasBody ? takeBody(lines, rest) : { body: '', taken: 0 };
    rest = rest.slice(taken);
    const same = lines.map((line) => line.replace(/^(date: |x-request-id: )(?!.*1970).*/, '$1'));
    answers.push({ lines: [first, ...same.sort()], body });
  }
  return answers;
}

function takeBody(lines: readonly string[], rest: string) {
  const length = lines.find((line) => line.startsWith('content-length: '));
  if (length !== undefined) {
    const taken = Number(length.slice('content-length: '.length));
    return { body: rest.slice(0, taken), taken };
  }
  expect(lines).toContain('transfer-encoding: chunked');
  let body = '';
  let at = 0;
  for (;;) {
    const size = /^([\da-f]+)\r\n/.exec(rest.slice(at, at + 20));
    const bytes = Number.parseInt(size?.[1] ?? '', 16);
    expect(bytes).toBeGreaterThanOrEqual(0);
    at += size?.[0].length ?? 0;
    if (bytes === 0) break;
    body += rest.slice(at, at + bytes);
    at += bytes + 2;
  }
  const [trailers = ''] = /^(?:.+\r\n)*\r\n/.exec(rest.slice(at)) ?? [];
  return { body: body + trailers, taken: at + trailers.length };
}

describe.each(['HTTP', 'HTTPS'])('over %s', (over) => {
  describe.each(['GET', 'HEAD'])('%s', (method) => {
    test.each(Object.keys(ways).filter((path) => path !== '/205'))('%s', async (path) => {
      const head = `${method} ${path} HTTP/1.1\r\nHost: site.test\r\n`;
      const barely = await exchangeRaw(over, `${head}\r\n`);
      const byNode = await exchangeRaw(over, `${head}TE: trailers\r\n\r\n`);
      const expected = parse(byNode, method === 'HEAD');
      expect(expected.at(-1)?.body).toBe('/la');
      expect(parse(barely, method === 'HEAD')).toEqual(expected);
    });
  });
});

test('an answer that has no body by its status says so to clients that do not know', async () => {
  const raw = await exchangeRaw('HTTP', 'GET /205 HTTP/1.1\r\nHost: x\r\n\r\n');
  const [answer, last] = parse(raw, false);
  expect(answer?.lines).toContain('content-length: 0');
  expect(last?.body).toBe('/la');
});
