/** Bodies that pass from one connection to another without being held in between. */
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ReadBody } from '../../src/http/body.ts';
import type { HttpExchange } from '../../src/serve/exchange.ts';
import { type Ports, protocols, tell } from '../support/answer-clients.ts';
import { waitFor } from '../support/daemon.ts';
import { listenPlainly, type PlainListener } from '../support/plain-listener.ts';
import { listenSecurely, type SecureListener } from '../support/tls-listener.ts';

/** A body of pieces; what a reader has taken and how it ended can be seen. */
class Source implements ReadBody {
  readonly knownBytes: number | undefined;
  readonly #next: (index: number) => Promise<Uint8Array | undefined>;
  readsCount = 0;
  isCancelled = false;

  constructor(
    next: (index: number) => Promise<Uint8Array | undefined> | Uint8Array | undefined,
    knownBytes?: number,
  ) {
    this.#next = async (index) => next(index);
    this.knownBytes = knownBytes;
  }

  read(): Promise<Uint8Array | undefined> {
    this.readsCount += 1;
    return this.#next(this.readsCount - 1);
  }

  cancel(): void {
    this.isCancelled = true;
  }
}

const PIECES = ['half ', 'and ', 'half'];
const text = (index: number): Uint8Array | undefined => {
  const piece = PIECES[index];
  return piece === undefined ? undefined : Buffer.from(piece);
};
const endless = (): Uint8Array => new Uint8Array(32 * 1024);

let plain: PlainListener;
let secure: SecureListener;
let ports: Ports;
let source: Source;
let exchange: HttpExchange | undefined;

const sources: Readonly<Record<string, () => Source>> = {
  '/known': () => new Source(text, 13),
  '/unknown': () => new Source(text),
  '/empty': () => new Source(() => undefined, 0),
  '/short': () => new Source(text, 14),
  '/long': () => new Source(text, 12),
  '/breaks': () => new Source((index) => (index === 2 ? Promise.reject(new Error()) : text(index))),
  '/stalls': () =>
    new Source((index) => (index === 2 ? new Promise<undefined>(() => undefined) : text(index))),
  '/endless': () => new Source(endless),
};

async function serve(asked: HttpExchange): Promise<void> {
  exchange = asked;
  const { target } = asked.request;
  const [path = '', way] = target.split('?');
  const head = { status: path === '/none' ? 204 : 200, headers: [] };
  source = (sources[path] ?? (() => new Source(text)))();
  if (way !== 'inside') {
    asked.sendPiped(head, source);
    return;
  }
  asked.start(head);
  await asked.write(Buffer.from('['));
  try {
    await asked.pipe(source);
    await asked.write(Buffer.from(']'));
    asked.end();
  } catch {
    asked.abort();
  }
}

beforeEach(async () => {
  exchange = undefined;
  source = new Source(text);
  plain = await listenPlainly({ replyIdleTimeoutMs: 500, bodyIdleTimeoutMs: 500 }, serve);
  secure = await listenSecurely({ replyIdleTimeoutMs: 500, bodyIdleTimeoutMs: 500 }, serve);
  ports = { plain: plain.port, tls: secure.port };
});

afterEach(() => Promise.all([plain[Symbol.asyncDispose](), secure[Symbol.asyncDispose]()]));

describe.each(protocols)('%s', (protocol) => {
  test.each(['/known', '/unknown'])('a body that is %s goes through whole', async (path) => {
    const told = await tell(protocol, ports, path);
    expect(told).toEqual({ end: 'whole', status: 200, text: 'half and half' });
    expect(exchange?.bytesSent).toBe(13);
  });

  test('an empty body ends the answer', async () => {
    expect(await tell(protocol, ports, '/empty')).toMatchObject({ end: 'whole', text: '' });
  });

  test('a body may stand among other pieces', async () => {
    const told = await tell(protocol, ports, '/unknown?inside');
    expect(told).toMatchObject({ end: 'whole', text: '[half and half]' });
  });

  test.each(['/short', '/long', '/breaks', '/stalls', '/breaks?inside'])(
    'a body that is not as it said (%s) breaks the answer off',
    async (path) => {
      expect(await tell(protocol, ports, path)).toMatchObject({ end: 'broken' });
      expect(source.isCancelled).toBe(true);
      expect(await tell(protocol, ports, '/known')).toMatchObject({ end: 'whole' });
    },
  );
});

test('nothing is fetched for a client that takes nothing, and at last it is cut off', async () => {
  const socket = connect({ host: '127.0.0.1', port: plain.port });
  socket.pause();
  socket.on('error', () => undefined);
  socket.write('GET /endless HTTP/1.1\r\nHost: x\r\n\r\n');
  await waitFor(() => Promise.resolve(exchange?.isGone || undefined));
  await exchange?.whenPassed();
  // What the system's own buffers took, and one piece more.
  expect(source.readsCount).toBeLessThan(1_000);
  const { readsCount } = source;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(source.readsCount).toBe(readsCount);
  expect(source.isCancelled).toBe(true);
  socket.destroy();
});

test('a client that goes away gives the body up', async () => {
  const socket = connect({ host: '127.0.0.1', port: plain.port });
  socket.on('error', () => undefined);
  socket.write('GET /stalls HTTP/1.1\r\nHost: x\r\n\r\n');
  await waitFor(() => Promise.resolve(source?.readsCount === 3 || undefined));
  socket.destroy();
  await waitFor(() => Promise.resolve(source.isCancelled || undefined));
});

test.each(['HEAD /known', 'GET /none'])('%s has no body, and none is fetched', async (line) => {
  const socket = connect({ host: '127.0.0.1', port: plain.port });
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
  });
  socket.write(`${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  await new Promise((resolve) => socket.once('close', resolve));
  expect(received).toMatch(/^HTTP\/1\.1 20[04] [\s\S]*\r\n\r\n$/);
  expect(received.includes('content-length: 13')).toBe(line.startsWith('HEAD'));
  expect(source).toMatchObject({ readsCount: 0, isCancelled: true });
});
