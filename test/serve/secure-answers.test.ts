/** The same rules as in `answers.test.ts`, for HTTP/1.1 over TLS. */
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HttpExchange } from '../../src/serve/exchange.ts';
import { waitFor } from '../support/daemon.ts';
import { parseAnswers } from '../support/plain-listener.ts';
import { listenSecurely, type SecureListener } from '../support/tls-listener.ts';

const BODY_BYTES = 9_000_000;

describe('HTTP/1.1 over TLS', () => {
  let running: SecureListener;
  let release: PromiseWithResolvers<void>;

  beforeEach(async () => {
    release = Promise.withResolvers<void>();
    running = await listenSecurely({}, async (exchange: HttpExchange) => {
      if (exchange.request.target === '/slow') await release.promise;
      exchange.send({ status: 200, headers: [] }, Buffer.from(`<${exchange.request.target}>`));
    });
  });

  afterEach(() => running[Symbol.asyncDispose]());

  async function talk(use: (socket: TLSSocket) => void): Promise<string> {
    const socket = connect({
      ...{ host: '127.0.0.1', port: running.port, servername: 'site.test' },
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
