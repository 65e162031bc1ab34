/** Bodies that pass piece by piece, in both directions, against a real server on loopback. */
import { getEventListeners } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createSilentServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import { BodyQueue } from '../../../src/http/body-queue.ts';
import { refusal, useOutbound } from '../outbound-bench.ts';

const bench = useOutbound();
const utf8 = new TextEncoder();
let server: Server;
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  answer = (_request, response) => response.end();
  server = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function at(path: string): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
}

/** A body that a test fills, and how often it was cancelled. */
function written(knownBytes?: number) {
  const told = { cancels: 0 };
  const body = new BodyQueue({
    knownBytes,
    windowBytesMax: 64 * 1024,
    onCancel: () => {
      told.cancels += 1;
    },
  });
  return { body, told };
}

async function readAll(body: { read(): Promise<Uint8Array | undefined> }): Promise<string> {
  const pieces: Uint8Array[] = [];
  for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

describe('a reply', () => {
  test('is there with its head, and its body comes when the server sends it', async () => {
    const sent = Promise.withResolvers<ServerResponse>();
    answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.flushHeaders();
      sent.resolve(response);
    };
    const reply = await bench.openReply(bench.openRun(), at('/'));
    expect(reply.status).toBe(200);
    expect(reply.body.knownBytes).toBeUndefined();
    const response = await sent.promise;
    const first = reply.body.read();
    response.write('one');
    expect(Buffer.from((await first) ?? []).toString()).toBe('one');
    const second = reply.body.read();
    response.end('two');
    expect(Buffer.from((await second) ?? []).toString()).toBe('two');
    expect(await reply.body.read()).toBeUndefined();
  });

  test('says how long it is, and has its trailers after its end', async () => {
    answer = (request, response) => {
      if (request.url === '/known') response.setHeader('content-length', 5).end('whole');
      else {
        response.writeHead(200, { trailer: 'x-sum' });
        response.write('body');
        response.addTrailers({ 'X-Sum': '42' });
        response.end();
      }
    };
    const run = bench.openRun();
    const known = await bench.openReply(run, at('/known'));
    expect(known.body.knownBytes).toBe(5);
    expect(await readAll(known.body)).toBe('whole');
    const trailing = await bench.openReply(run, at('/trailers'));
    expect(trailing.body.trailers).toEqual([]);
    expect(await readAll(trailing.body)).toBe('body');
    expect(trailing.body.trailers).toEqual([['x-sum', '42']]);
  });

  test('that is far larger than may be held passes, and is held up by its reader', async () => {
    const bytes = 32 * 1024 * 1024;
    let sentBytes = 0;
    answer = (_request, response) => {
      const piece = Buffer.alloc(64 * 1024, 'x');
      const more = (): void => {
        while (sentBytes < bytes) {
          sentBytes += piece.length;
          if (!response.write(piece)) {
            response.once('drain', more);
            return;
          }
        }
        response.end();
      };
      more();
    };
    const reply = await bench.openReply(bench.openRun({ heldBytesMax: 1024 * 1024 }), at('/'));
    // What the sockets of both sides hold is all that leaves until somebody reads.
    let before = -1;
    await expect
      .poll(
        () => {
          const isStill = sentBytes === before;
          before = sentBytes;
          return isStill;
        },
        { interval: 100, timeout: 10_000 },
      )
      .toBe(true);
    expect(sentBytes).toBeLessThan(bytes);
    let readBytes = 0;
    for (let piece = await reply.body.read(); piece !== undefined; ) {
      readBytes += piece.length;
      piece = await reply.body.read();
    }
    expect(readBytes).toBe(bytes);
  });

  test('is broken off at the server when its reader wants no more', async () => {
    const closed = Promise.withResolvers<void>();
    answer = (_request, response) => {
      response.write('begun');
      response.on('close', () => closed.resolve());
    };
    const reply = await bench.openReply(bench.openRun(), at('/'));
    await reply.body.read();
    reply.body.cancel();
    await closed.promise;
    expect(await reply.body.read()).toBeUndefined();
  });

  test('is broken off when its run ends', async () => {
    answer = (_request, response) => {
      response.write('begun');
    };
    const run = new AbortController();
    const reply = await bench.openReply(bench.openRun(), at('/'), { signal: run.signal });
    await reply.body.read();
    const next = reply.body.read();
    run.abort();
    await expect(next).rejects.toMatchObject(refusal('abandoned'));
  });

  test('that pauses for longer than it may fails, however long it may take in all', async () => {
    answer = (_request, response) => {
      response.write('begun');
    };
    const reply = await bench
      .openRun()
      .open(
        { method: 'GET', url: at('/'), headers: [], body: new Uint8Array(), betweenBytesMs: 100 },
        new AbortController().signal,
      );
    await reply.body.read();
    await expect(reply.body.read()).rejects.toMatchObject(refusal('timeout'));
  });

  test('that does not begin in time fails', async () => {
    answer = () => undefined;
    const sent = bench
      .openRun()
      .open(
        { method: 'GET', url: at('/'), headers: [], body: new Uint8Array(), firstByteMs: 100 },
        new AbortController().signal,
      );
    await expect(sent).rejects.toMatchObject(refusal('timeout'));
  });

  test('for which there is no connection in time fails, and says so', async () => {
    // It takes connections, and says nothing: TLS does not begin.
    const sockets: Socket[] = [];
    const silent = createSilentServer((socket) => void sockets.push(socket));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const run = bench.openRun();
    const url = `https://127.0.0.1:${port}/`;
    const sent = run.open(
      { method: 'GET', url, headers: [], body: new Uint8Array(), connectMs: 50 },
      new AbortController().signal,
    );
    const error: unknown = await sent.catch((fault: unknown) => fault);
    expect(error).toMatchObject({ message: expect.stringMatching(/within 50 ms/) });
    expect(run.faultOf(error).type).toBe('connection_timeout');
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  test('may begin later than its connection must be there', async () => {
    answer = (_request, response) => void setTimeout(() => response.end('late'), 300);
    const reply = await bench
      .openRun()
      .open(
        { method: 'GET', url: at('/'), headers: [], body: new Uint8Array(), connectMs: 100 },
        new AbortController().signal,
      );
    expect(await readAll(reply.body)).toBe('late');
  });

  test('is given up with its run also behind a redirect', async () => {
    answer = (request, response) => {
      if (request.url === '/') response.writeHead(302, { location: '/else' }).end('gone');
      else response.write('begun');
    };
    const run = new AbortController();
    const reply = await bench.openReply(bench.openRun(), at('/'), { signal: run.signal });
    await reply.body.read();
    const next = reply.body.read();
    run.abort();
    await expect(next).rejects.toMatchObject(refusal('abandoned'));
  });

  test('leaves nothing behind on the signal once it was read', async () => {
    const run = new AbortController();
    const reply = await bench.openReply(bench.openRun(), at('/'), { signal: run.signal });
    expect(await readAll(reply.body)).toBe('');
    expect(getEventListeners(run.signal, 'abort')).toHaveLength(0);
  });

  test('may be a redirect, which is given where the guest wants it', async () => {
    answer = (_request, response) => response.writeHead(302, { location: '/else' }).end();
    const reply = await bench.openReply(bench.openRun(), at('/'), { redirects: 'give' });
    expect(reply.status).toBe(302);
    expect(reply.headers).toContainEqual(['location', '/else']);
    reply.body.cancel();
  });
});

describe('the body of a request', () => {
  test('is sent as it comes, chunked where nobody knows how long it is', async () => {
    const seen: string[] = [];
    answer = (request, response) => {
      seen.push(request.headers['transfer-encoding'] ?? 'whole');
      request.on('data', (piece: Buffer) => seen.push(piece.toString()));
      request.on('end', () => response.end('thanks'));
    };
    const { body } = written();
    const sent = bench.openReply(bench.openRun(), at('/'), { method: 'POST', body });
    body.push(utf8.encode('one'));
    await expect.poll(() => seen).toEqual(['chunked', 'one']);
    body.push(utf8.encode('two'));
    body.end();
    expect(await readAll((await sent).body)).toBe('thanks');
    expect(seen).toEqual(['chunked', 'one', 'two']);
  });

  test('has its length where it is known', async () => {
    const lengths: unknown[] = [];
    answer = (request, response) => {
      lengths.push(request.headers['content-length']);
      request.resume().on('end', () => response.end());
    };
    const { body } = written(6);
    body.push(utf8.encode('abcdef'));
    body.end();
    const reply = await bench.send(bench.openRun(), at('/'), { method: 'PUT', body });
    expect(reply.status).toBe(200);
    expect(lengths).toEqual(['6']);
  });

  test('that is not as long as it says fails', async () => {
    answer = (request, response) => request.resume().on('end', () => response.end());
    const { body } = written(6);
    body.push(utf8.encode('abc'));
    body.end();
    const sent = bench.send(bench.openRun(), at('/'), { method: 'PUT', body });
    await expect(sent).rejects.toMatchObject(refusal('input'));
  });

  test('is given up when the server has answered without it', async () => {
    answer = (_request, response) => response.writeHead(413).end('too much');
    const { body, told } = written();
    body.push(utf8.encode('the first of many'));
    const reply = await bench.openReply(bench.openRun(), at('/'), { method: 'POST', body });
    expect(reply.status).toBe(413);
    expect(await readAll(reply.body)).toBe('too much');
    await expect.poll(() => told.cancels).toBe(1);
  });

  test('that breaks off takes the request with it', async () => {
    const begun = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    answer = (request) => {
      request.on('data', () => begun.resolve()).on('error', () => undefined);
      request.on('close', () => gone.resolve());
    };
    const { body } = written();
    body.push(utf8.encode('half'));
    const sent = bench.openReply(bench.openRun(), at('/'), { method: 'POST', body });
    await begun.promise;
    body.fail(new Error('the visitor went away'));
    await expect(sent).rejects.toThrow('the visitor went away');
    await gone.promise;
  });

  test('is cancelled where the request is refused at the door', async () => {
    const { body, told } = written();
    const sent = bench.openReply(bench.openRun(), 'ftp://a.example/', { method: 'POST', body });
    await expect(sent).rejects.toMatchObject(refusal('forbidden'));
    expect(told.cancels).toBe(1);
  });

  test('cannot follow a redirect that keeps it', async () => {
    answer = (request, response) => {
      request.resume();
      request.on('end', () => response.writeHead(307, { location: '/else' }).end());
    };
    const { body } = written();
    body.push(utf8.encode('once'));
    body.end();
    const sent = bench.openReply(bench.openRun(), at('/'), { method: 'POST', body });
    await expect(sent).rejects.toMatchObject(refusal('input', /cannot be sent again/));
  });

  test('is as large as it likes: what is held of it is little', async () => {
    let receivedBytes = 0;
    answer = (request, response) => {
      request.on('data', (piece: Buffer) => {
        receivedBytes += piece.length;
      });
      request.on('end', () => response.end());
    };
    const limits = { ...defaultLimits, outboundRequestBytesMax: 1_000 };
    const piece = new Uint8Array(64 * 1024);
    let left = 64;
    const body = {
      knownBytes: undefined,
      read: async () => (left-- > 0 ? piece : undefined),
      cancel: () => undefined,
    };
    await bench.send(bench.openRun({ limits, heldBytesMax: 10_000 }), at('/'), {
      method: 'POST',
      body,
    });
    expect(receivedBytes).toBe(64 * piece.length);
  });
});
