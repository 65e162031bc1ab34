/** The same rules as in `answers.test.ts`, for HTTP/1.1 over TLS. */
import { once } from 'node:events';
import {
  type AddressInfo,
  connect as connectTo,
  createServer,
  type Server,
  type Socket,
} from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HttpExchange } from '../../src/serve/exchange.ts';
import { waitFor } from '../support/daemon.ts';
import { parseAnswers } from '../support/plain-listener.ts';
import { listenSecurely, type SecureListener } from '../support/tls-listener.ts';

const BODY_BYTES = 9_000_000;

/** Passes bytes on to a port; what it holds for a while goes there in one piece. */
class Joiner implements AsyncDisposable {
  readonly #server: Server;
  #held: Buffer[] | undefined;
  #target: Socket | undefined;

  private constructor(port: number) {
    this.#server = createServer((client) => {
      const target = connectTo({ host: '127.0.0.1', port });
      this.#target = target;
      client.on('data', (bytes: Buffer) => {
        if (this.#held === undefined) target.write(bytes);
        else this.#held.push(bytes);
      });
      target.pipe(client);
      for (const end of [client, target]) end.on('error', () => undefined);
      client.on('close', () => target.destroy());
    });
  }

  static async open(port: number): Promise<Joiner> {
    const joiner = new Joiner(port);
    joiner.#server.listen(0, '127.0.0.1');
    await once(joiner.#server, 'listening');
    return joiner;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  hold(): void {
    this.#held = [];
  }

  async untilHeld(count: number): Promise<void> {
    await waitFor(() => Promise.resolve((this.#held?.length ?? 0) >= count || undefined));
  }

  release(): void {
    this.#target?.write(Buffer.concat(this.#held ?? []));
    this.#held = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }
}

describe('HTTP/1.1 over TLS', () => {
  let running: SecureListener;
  let release: PromiseWithResolvers<void>;

  beforeEach(async () => {
    release = Promise.withResolvers<void>();
    running = await listenSecurely({}, async (exchange: HttpExchange) => {
      const { target } = exchange.request;
      if (target === '/slow') await release.promise;
      const body = target === '/large' ? Buffer.alloc(3 * BODY_BYTES) : Buffer.from(`<${target}>`);
      exchange.send({ status: 200, headers: [] }, body);
    });
  });

  afterEach(() => running[Symbol.asyncDispose]());

  async function talk(use: (socket: TLSSocket) => void, port = running.port): Promise<string> {
    const socket = connect({
      ...{ host: '127.0.0.1', port, servername: 'site.test' },
      ...{ rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] },
    });
    let received = '';
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
    });
    socket.once('secureConnect', () => use(socket));
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('close', () => resolve());
    });
    return received;
  }

  test.each([
    ['garbage', 'garbage\r\n\r\n', 400],
    ['CONNECT', 'CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['a large head', `GET / HTTP/1.1\r\nHost: x\r\nA: ${'x'.repeat(40_000)}\r\n\r\n`, 431],
  ])('answers %s behind the answer under way', async (_what, bytes, status) => {
    const received = await talk((socket) => {
      socket.write(`GET /slow HTTP/1.1\r\nHost: site.test\r\n\r\n${bytes}`);
      void waitFor(() => Promise.resolve(running.exchanges[0])).then(() =>
        setTimeout(() => release.resolve(), 50),
      );
    });
    expect(parseAnswers(received)).toMatchObject([{ status: 200, body: '</slow>' }, { status }]);
  });

  test('answers what came in two records at once, behind an answer that waits', async () => {
    const get = (path: string, line = ''): string =>
      `GET ${path} HTTP/1.1\r\nHost: site.test\r\n${line}\r\n`;
    await using joiner = await Joiner.open(running.port);
    const received = await talk((socket) => {
      socket.pause();
      socket.write(get('/large', 'TE: trailers\r\n'));
      void waitFor(() => Promise.resolve(running.exchanges[0])).then(async () => {
        joiner.hold();
        socket.write(get('/a'));
        await joiner.untilHeld(1);
        socket.write(get('/b', 'Connection: close\r\n'));
        await joiner.untilHeld(2);
        joiner.release();
        socket.resume();
      });
    }, joiner.port);
    expect(parseAnswers(received).map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  test('lets a client read the answer that still sends', async () => {
    const received = await talk((socket) => {
      socket.pause();
      socket.write(`POST /no HTTP/1.1\r\nHost: site.test\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`);
      socket.write(Buffer.alloc(BODY_BYTES, 'x'), () => socket.resume());
    });
    expect(parseAnswers(received)).toMatchObject([{ status: 200, body: '</no>' }]);
  });

  test('uses the connection on after a small body that nobody reads', async () => {
    const received = await talk((socket) => {
      socket.write('POST /no HTTP/1.1\r\nHost: site.test\r\nContent-Length: 6\r\n\r\nabc');
      socket.once('data', () =>
        socket.write('defGET /on HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n'),
      );
    });
    expect(parseAnswers(received).map(({ body }) => body)).toEqual(['</no>', '</on>']);
  });
});
