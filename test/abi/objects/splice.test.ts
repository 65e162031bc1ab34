/** From a visitor's socket to a server's and back, by the objects that ABIs use; real sockets. */
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Body, type BodyOptions } from '../../../src/abi/objects/body.ts';
import { ExchangeBody } from '../../../src/abi/objects/exchange-body.ts';
import { HeldForRun } from '../../../src/abi/objects/held-for-run.ts';
import type { HttpExchange } from '../../../src/serve/exchange.ts';
import { useOutbound } from '../../capability/outbound-bench.ts';
import { listenPlainly, type PlainListener } from '../../support/plain-listener.ts';

const bench = useOutbound();
const mib = 1024 * 1024;
let origin: Server;
let door: PlainListener;
let answer: (request: IncomingMessage, response: import('node:http').ServerResponse) => void;
/** The most that bodies of the run held at once, in bytes. */
let mostHeld = 0;

beforeEach(async () => {
  mostHeld = 0;
  origin = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  door = await listenPlainly({}, passOn);
});

afterEach(async () => {
  await door[Symbol.asyncDispose]();
  origin.closeAllConnections();
  await new Promise((resolve) => origin.close(resolve));
});

/** What a proxy of a few lines does: both bodies pass by. */
async function passOn(exchange: HttpExchange): Promise<void> {
  let heldBytes = 0;
  const hostMemory = {
    tryHoldObjects: () => true,
    tryHold: (bytes: number) => {
      heldBytes += bytes;
      mostHeld = Math.max(mostHeld, heldBytes);
      return true;
    },
    release: (bytes: number) => {
      heldBytes -= bytes;
    },
  };
  const options: BodyOptions = {
    held: new HeldForRun(hostMemory, mib),
    headerLimits: { linesMax: 10, bytesMax: 1_000 },
  };
  const { method, target } = exchange.request;
  const gone = new AbortController();
  exchange.onGone(() => gone.abort());
  const sent = Body.of(new ExchangeBody(exchange), options);
  const { port } = origin.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}${target}`;
  const reply = await bench
    .openRun({ heldBytesMax: mib })
    .open({ method, url, headers: [], body: sent.handOver() }, gone.signal);
  const received = Body.of(reply.body, options);
  exchange.sendPiped({ status: reply.status, headers: [] }, received.handOver());
}

function ask(path: string, body: Buffer | undefined): Promise<IncomingMessage> {
  const method = body === undefined ? 'GET' : 'POST';
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ port: door.port, host: '127.0.0.1', path, method }, resolve);
    sent.on('error', reject);
    sent.end(body);
  });
}

async function count(message: IncomingMessage): Promise<number> {
  let bytes = 0;
  for await (const piece of message) bytes += (piece as Buffer).length;
  return bytes;
}

describe('bodies that pass by', () => {
  test('both ways at once, larger than all that may be held', async () => {
    answer = (request, response) => request.pipe(response);
    const body = Buffer.alloc(16 * mib, 'x');
    const reply = await ask('/echo', body);
    expect(reply.statusCode).toBe(200);
    expect(await count(reply)).toBe(body.length);
    expect(mostHeld).toBe(0);
  });

  test('with an answer that is there before the request is whole', async () => {
    answer = (_request, response) => response.writeHead(413).end('too much');
    const reply = await ask('/early', Buffer.alloc(4 * mib, 'x'));
    expect(reply.statusCode).toBe(413);
    expect(await count(reply)).toBe('too much'.length);
  });

  test('break off at the visitor where the server breaks off', async () => {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('begun');
      setImmediate(() => response.destroy());
    };
    const reply = await ask('/broken', undefined);
    await expect(count(reply)).rejects.toThrow('aborted');
  });

  test('end at the server when the visitor goes away', async () => {
    const closed = Promise.withResolvers<void>();
    answer = (_request, response) => {
      response.write('begun');
      response.on('close', () => closed.resolve());
    };
    const reply = await ask('/endless', undefined);
    reply.on('error', () => undefined);
    reply.once('data', () => reply.destroy());
    await closed.promise;
  });

  test('hold the server up while the visitor does not read', async () => {
    let sentBytes = 0;
    answer = (_request, response) => {
      const piece = Buffer.alloc(64 * 1024, 'x');
      const more = (): void => {
        while (sentBytes < 64 * mib) {
          sentBytes += piece.length;
          if (!response.write(piece)) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    };
    const reply = await ask('/large', undefined);
    reply.pause();
    let before = -1;
    await expect
      .poll(
        () => {
          const isStill = sentBytes === before;
          before = sentBytes;
          return isStill;
        },
        { interval: 200, timeout: 20_000 },
      )
      .toBe(true);
    expect(sentBytes).toBeLessThan(64 * mib);
    expect(await count(reply)).toBe(64 * mib);
  });
});
