/** Answers that are complete before the run is, and what of the request can still be read then. */
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TerrafirmaError } from '../../src/errors.ts';
import type { HttpExchange } from '../../src/serve/exchange.ts';
import { waitFor } from '../support/daemon.ts';
import { listenPlainly, type PlainListener, parseAnswers } from '../support/plain-listener.ts';
import { listenSecurely, type SecureListener } from '../support/tls-listener.ts';

let plain: PlainListener;
let secure: SecureListener;
let runOn = Promise.withResolvers<void>();
/** What runs have read after their answers. */
let read: string[] = [];
let failures: unknown[] = [];

/** Answers at once, then goes on as the road does with a run: reads on, and is over some time. */
async function serve(exchange: HttpExchange): Promise<void> {
  const { target } = exchange.request;
  exchange.keepBody();
  exchange.send({ status: 200, headers: [] }, Buffer.from(`<${target}>`));
  if (target.startsWith('/run')) {
    await runOn.promise;
    if (target === '/run-read') read.push(await readAll(exchange));
  }
  exchange.releaseBody();
}

async function readAll(exchange: HttpExchange): Promise<string> {
  let text = '';
  try {
    for (;;) {
      const chunk = await exchange.readChunk();
      if (chunk === undefined) return text;
      text += Buffer.from(chunk).toString('latin1');
    }
  } catch (error) {
    failures.push(error);
    return text;
  }
}

beforeEach(async () => {
  runOn = Promise.withResolvers();
  read = [];
  failures = [];
  plain = await listenPlainly({ bodyIdleTimeoutMs: 2_000 }, serve);
  secure = await listenSecurely({ bodyIdleTimeoutMs: 2_000 }, serve);
});

afterEach(async () => {
  runOn.resolve();
  await Promise.all([plain[Symbol.asyncDispose](), secure[Symbol.asyncDispose]()]);
});

function open(port: number): { socket: Socket; received: () => string } {
  let received = '';
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
  });
  return { socket, received: () => received };
}

const post = (target: string, headers: string): string =>
  `POST ${target} HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n`;

async function until(holds: () => boolean): Promise<void> {
  await waitFor(() => Promise.resolve(holds() || undefined));
}

describe('HTTP/1.1', () => {
  test('the next request is answered while the run goes on', async () => {
    const { socket, received } = open(plain.port);
    socket.write('GET /run HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(() => received().includes('</run>'));
    socket.write('GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await once(socket, 'end');
    socket.end();
    expect(parseAnswers(received()).map(({ body }) => body)).toEqual(['</run>', '</next>']);
  });

  test('a small body is read on, and the connection used on', async () => {
    const { socket, received } = open(plain.port);
    socket.write(`${post('/run-read', 'Content-Length: 10')}12345`);
    await until(() => received().includes('</run-read>'));
    runOn.resolve();
    socket.write('67890');
    await until(() => read.length === 1);
    expect(read).toEqual(['1234567890']);
    socket.write('GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await once(socket, 'end');
    socket.end();
    const answers = parseAnswers(received());
    expect(answers.map(({ body }) => body)).toEqual(['</run-read>', '</next>']);
    expect(answers[0]?.head).not.toMatch(/connection: close/i);
  });

  test('a body of any length is read on, and then the connection ends', async () => {
    const { socket, received } = open(plain.port);
    socket.write(`${post('/run-read', 'Transfer-Encoding: chunked')}5\r\n12345\r\n`);
    await until(() => received().includes('</run-read>'));
    runOn.resolve();
    socket.write('5\r\n67890\r\n0\r\n\r\n');
    await once(socket, 'end');
    socket.end();
    expect(read).toEqual(['1234567890']);
    expect(parseAnswers(received())[0]?.head).toMatch(/connection: close/i);
  });

  test('a body that the run leaves alone is thrown away when it is over', async () => {
    const { socket, received } = open(plain.port);
    socket.write(`${post('/run', 'Content-Length: 10')}12345`);
    await until(() => received().includes('</run>'));
    runOn.resolve();
    socket.write('67890GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await once(socket, 'end');
    socket.end();
    expect(parseAnswers(received()).map(({ body }) => body)).toEqual(['</run>', '</next>']);
  });

  test('a body that was there with its head is read after the answer', async () => {
    const { socket } = open(plain.port);
    socket.write(`${post('/run-read', 'Content-Length: 5\r\nConnection: close')}12345`);
    runOn.resolve();
    await once(socket, 'end');
    socket.end();
    expect(read).toEqual(['12345']);
  });

  test('a client that goes away ends the reading, not the run', async () => {
    const { socket, received } = open(plain.port);
    socket.write(`${post('/run-read', 'Content-Length: 10')}12345`);
    await until(() => received().includes('</run-read>'));
    runOn.resolve();
    socket.destroy();
    await until(() => read.length === 1);
    expect(failures).toEqual([expect.any(TerrafirmaError)]);
  });
});

test('HTTP/2: a body is read on after the answer', async () => {
  const session = connectHttp2('https://site.test', {
    createConnection: () =>
      connectTls({
        ...{ host: '127.0.0.1', port: secure.port, servername: 'site.test' },
        ...{ ALPNProtocols: ['h2'], rejectUnauthorized: false },
      }),
  });
  const stream = session.request(
    { ':method': 'POST', ':authority': 'site.test', ':path': '/run-read' },
    { endStream: false },
  );
  stream.write('12345');
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  await until(() => text === '</run-read>');
  runOn.resolve();
  stream.end('67890');
  await until(() => read.length === 1);
  expect(read).toEqual(['1234567890']);
  session.close();
});
