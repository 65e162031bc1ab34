/** Requests whose length is not known at their beginning, against a real server on loopback. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StreamedReply } from '../../../src/capability/fetch/contract.ts';
import { wholeFetchGrant } from '../../../src/capability/fetch/grant.ts';
import { BodyQueue } from '../../../src/http/body-queue.ts';
import type { Header } from '../../../src/http/message.ts';
import { untilHolds } from '../../support/until-holds.ts';
import { refusal, useOutbound } from '../outbound-bench.ts';

const bench = useOutbound();
const utf8 = new TextEncoder();
let server: Server;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let connections: number;

beforeEach(async () => {
  connections = 0;
  answer = (request, response) => {
    request.resume();
    request.once('end', () => response.end('ok'));
  };
  server = createServer({ highWaterMark: 1024 }, (request, response) => answer(request, response));
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function url(path = '/'): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
}

function written() {
  const told = { cancels: 0, room: 0 };
  const body = new BodyQueue({
    windowBytesMax: 64 * 1024,
    onRoom: () => {
      told.room += 1;
    },
    onCancel: () => {
      told.cancels += 1;
    },
  });
  return { body, told };
}

function finished(text: string, trailers: readonly Header[] = []): BodyQueue {
  const { body } = written();
  body.push(utf8.encode(text));
  body.end(trailers);
  return body;
}

async function textOf({ body }: StreamedReply): Promise<string> {
  const pieces: Uint8Array[] = [];
  for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

/** What the server saw of one request, when it was whole. */
async function seenBy(
  send: () => Promise<StreamedReply>,
): Promise<{ readonly request: IncomingMessage; readonly text: string }> {
  const seen = Promise.withResolvers<{ request: IncomingMessage; text: string }>();
  answer = (request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.once('end', () => {
      seen.resolve({ request, text: Buffer.concat(pieces).toString() });
      response.end('ok');
    });
  };
  expect(await textOf(await send())).toBe('ok');
  return seen.promise;
}

describe('trailers', () => {
  test('follow the body, announced or not', async () => {
    const trailers: Header[] = [
      ['X-Sum', '42'],
      ['x-parts', 'one'],
      ['x-parts', 'two'],
    ];
    const { request, text } = await seenBy(() =>
      bench.openReply(bench.openRun(), url('/in?a=b'), {
        method: 'POST',
        headers: [['trailer', 'X-Sum, Content-Length']],
        body: finished('body', trailers),
      }),
    );
    expect(text).toBe('body');
    expect([request.method, request.url]).toEqual(['POST', '/in?a=b']);
    expect(request.rawTrailers).toEqual(['x-sum', '42', 'x-parts', 'one', 'x-parts', 'two']);
    expect(request.headers).toMatchObject({
      host: new URL(url()).host,
      'transfer-encoding': 'chunked',
      trailer: 'x-sum',
    });
    expect(request.headers).not.toHaveProperty('content-length');
  });

  test('say nothing of where the request goes, and nothing in our name', async () => {
    const names = ['host', 'content-length', 'transfer-encoding', 'authorization', 'content-type'];
    const ours = ['cdn-loop', 'terrafirma-visit', 'connection', 'expect'];
    const trailers = [...names, ...ours, 'x-left'].map((name): Header => [name, '1']);
    const { request } = await seenBy(() =>
      bench.openReply(bench.openRun(), url(), { method: 'PUT', body: finished('', trailers) }),
    );
    expect(request.rawTrailers).toEqual(['x-left', '1']);
  });

  test('that are none end the request, which the guest is told', async () => {
    const cancelled = finished('body', [['x', 'a\r\nb: c']]);
    const sent = bench.openReply(bench.openRun(), url(), { method: 'POST', body: cancelled });
    await expect(sent).rejects.toMatchObject(refusal('input', 'without control characters'));
  });
});

describe('the head', () => {
  test('leaves before there is a body, and the answer comes before its end', async () => {
    answer = (request, response) => {
      response.writeHead(200).write('early');
      request.on('data', () => response.write('+'));
      request.once('end', () => response.end('late'));
    };
    const { body } = written();
    const reply = await bench.openReply(bench.openRun(), url(), { method: 'POST', body });
    expect(Buffer.from((await reply.body.read()) ?? []).toString()).toBe('early');
    body.push(utf8.encode('x'));
    expect(Buffer.from((await reply.body.read()) ?? []).toString()).toBe('+');
    body.end();
    expect(await textOf(reply)).toBe('late');
  });

  test('that no HTTP client sends is refused', async () => {
    const { body, told } = written();
    const headers: Header[] = [['x', '\u2603']];
    const sent = bench.openReply(bench.openRun(), url(), { method: 'POST', headers, body });
    await expect(sent).rejects.toMatchObject(refusal('input'));
    expect(told.cancels).toBe(1);
  });
});

describe('connections', () => {
  const twice = async (settings: { readonly usesMax?: number; readonly keepAliveMs?: number }) => {
    const { port } = server.address() as AddressInfo;
    const address = { isTls: false, host: '127.0.0.1', port };
    const backends = new Map([['own', { address, ...settings }]]);
    const run = bench.openRun({}, { ...wholeFetchGrant, backends });
    for (let turn = 0; turn < 2; turn += 1) {
      const reply = await bench.openReply(run, url(), {
        ...{ method: 'POST', backend: 'own' },
        body: finished(`${turn}`),
      });
      expect(await textOf(reply)).toBe('ok');
      await setImmediate();
    }
    return connections;
  };

  test('are used again', async () => {
    expect(await twice({})).toBe(1);
  });

  test('that are kept for a moment only do not end what is under way', async () => {
    const { port } = server.address() as AddressInfo;
    const address = { isTls: false, host: '127.0.0.1', port };
    const backends = new Map([['own', { address, keepAliveMs: 1 }]]);
    const run = bench.openRun({}, { ...wholeFetchGrant, backends });
    const idle = Promise.withResolvers<void>();
    answer = (request, response) => {
      request.resume();
      // So long after the end of the request that an idle connection would be closed.
      request.once('end', () => setTimeout(() => response.end('ok'), 50));
      response.socket?.once('close', () => idle.resolve());
    };
    const reply = await bench.openReply(run, url(), {
      ...{ method: 'POST', backend: 'own' },
      body: finished('x'),
    });
    expect(await textOf(reply)).toBe('ok');
    await idle.promise;
  });

  test('are used as often as the back-end allows', async () => {
    expect(await twice({ usesMax: 1 })).toBe(2);
  });

  test('are as many as one origin may have: the next request waits', async () => {
    const held: ServerResponse[] = [];
    answer = (request, response) => {
      request.resume();
      request.once('end', () => held.push(response));
    };
    const run = bench.withLimit({ outboundSocketsPerOriginMax: 1 });
    const send = (): Promise<StreamedReply> =>
      bench.openReply(run, url(), { method: 'POST', body: finished('x') });
    const [first, second] = [send(), send()];
    while (held.length === 0) await setImmediate();
    for (let turn = 0; turn < 100; turn += 1) await setImmediate();
    expect(held).toHaveLength(1);
    held[0]?.end('one');
    expect(await textOf(await first)).toBe('one');
    while (held.length === 1) await setImmediate();
    held[1]?.end('two');
    expect(await textOf(await second)).toBe('two');
  });

  test('that nobody accepts are told as such, and the body is let go', async () => {
    const { body, told } = written();
    const closed = url();
    await new Promise((resolve) => server.close(resolve));
    const sent = bench.openReply(bench.openRun(), closed, { method: 'POST', body });
    await expect(sent).rejects.toMatchObject(refusal('connection', 'ECONNREFUSED'));
    expect(told.cancels).toBe(1);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  test('to addresses that guests must not reach are refused', async () => {
    const { body, told } = written();
    const run = bench.openRun({ allowedCidrs: [] });
    const sent = bench.openReply(run, url(), { method: 'POST', body });
    await expect(sent).rejects.toMatchObject(refusal('forbidden'));
    expect(told.cancels).toBe(1);
  });
});

describe('what goes wrong', () => {
  const open = (body: BodyQueue, signal?: AbortSignal): Promise<StreamedReply> =>
    bench.openReply(bench.openRun(), url(), {
      ...{ method: 'POST', body },
      ...(signal && { signal }),
    });

  test('a server that hangs up in the middle of the body', async () => {
    answer = (request) => request.once('data', () => request.destroy());
    const { body, told } = written();
    body.push(utf8.encode('x'));
    await expect(open(body)).rejects.toMatchObject(refusal('connection'));
    expect(told.cancels).toBe(1);
  });

  test('a server that hangs up in the middle of its answer', async () => {
    answer = (request, response) => {
      request.resume();
      response.writeHead(200, { 'content-length': 100 }).write('some');
      request.once('end', () => response.destroy());
    };
    const reply = await open(finished('x'));
    await expect(textOf(reply)).rejects.toMatchObject(refusal('connection'));
  });

  test('what is no HTTP', async () => {
    answer = (_request, response) => response.socket?.end('SMTP ready\r\n\r\n');
    await expect(open(finished('x'))).rejects.toMatchObject(refusal('connection'));
  });

  test('a server that goes on with another protocol, unasked', async () => {
    answer = (_request, response) =>
      response.socket?.end('HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n');
    await expect(open(finished('x'))).rejects.toMatchObject(refusal('connection'));
  });

  test('a guest that gives up, before the answer and in the middle of it', async () => {
    answer = (request) => request.resume();
    const gone = new AbortController();
    const { body, told } = written();
    const sent = open(body, gone.signal);
    body.push(utf8.encode('x'));
    await setImmediate();
    gone.abort();
    await expect(sent).rejects.toMatchObject(refusal('abandoned'));
    await untilHolds(() => expect(told.cancels).toBe(1));

    const closed = Promise.withResolvers<void>();
    answer = (request, response) => {
      request.resume();
      response.writeHead(200).write('some');
      response.once('close', () => closed.resolve());
    };
    const reply = await open(finished('x'));
    reply.body.cancel();
    await closed.promise;
  });

  test('too much of a head', async () => {
    answer = (_request, response) => response.setHeader('x', 'v'.repeat(200_000)).end();
    await expect(open(finished('x'))).rejects.toMatchObject(refusal('limit', 'must be smaller'));
  });

  test('more fields than a reply may have', async () => {
    answer = (_request, response) => {
      for (let at = 0; at < 3_000; at += 1) response.setHeader(`x${at}`, '');
      response.end();
    };
    await expect(open(finished('x'))).rejects.toMatchObject(refusal('limit', 'headers'));
  });

  test.each([
    ['head', '/', 'HEADERS', false],
    ['next piece', '/', 'BODY', true],
  ])('a %s that does not come', async (_what, path, _code, hasBegun) => {
    answer = (request, response) => {
      request.resume();
      if (hasBegun) response.writeHead(200).write('some');
    };
    const run = bench.withLimit({ outboundTimeoutMs: 300 });
    const sent = bench.openReply(run, url(path), { method: 'POST', body: finished('x') });
    const all = sent.then((reply) => textOf(reply));
    await expect(all).rejects.toMatchObject(refusal('timeout'));
  });
});

test('a reader that stops holds up the server', async () => {
  const piece = Buffer.alloc(256 * 1024);
  let sentBytes = 0;
  const pump = (response: ServerResponse): void => {
    while (sentBytes < 64 * piece.length) {
      sentBytes += piece.length;
      if (!response.write(piece)) {
        response.once('drain', () => pump(response));
        return;
      }
    }
    response.end();
  };
  answer = (request, response) => {
    request.resume();
    pump(response);
  };
  const reply = await bench.openReply(bench.openRun(), url(), {
    ...{ method: 'POST', body: finished('x') },
  });
  let before = -1;
  while (before !== sentBytes) {
    before = sentBytes;
    for (let turn = 0; turn < 1_000; turn += 1) await setImmediate();
  }
  // What sockets of the system hold, and not all of it.
  expect(sentBytes).toBeLessThan(64 * piece.length);
  expect((await textOf(reply)).length).toBe(64 * piece.length);
});
