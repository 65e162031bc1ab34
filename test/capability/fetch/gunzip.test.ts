import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StreamedReply } from '../../../src/capability/fetch/contract.ts';
import { useOutbound } from '../outbound-bench.ts';

const bench = useOutbound();
let server: Server;
let answer: (response: ServerResponse) => void;

beforeEach(async () => {
  server = createServer((_request, response) => answer(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function open(method = 'GET', decodesGzip = true): Promise<StreamedReply> {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const request = { method, url, headers: [], body: new Uint8Array(), decodesGzip };
  return bench.openRun().open(request, new AbortController().signal);
}

async function readAll({ body }: StreamedReply): Promise<string> {
  const pieces: Uint8Array[] = [];
  for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

function named(reply: StreamedReply, name: string): string | undefined {
  return reply.headers.find(([one]) => one === name)?.[1];
}

describe('a reply in gzip', () => {
  test.each(['gzip', 'x-gzip', ' GZIP '])('is given without it (%j)', async (coding) => {
    answer = (response) => response.setHeader('content-encoding', coding).end(gzipSync('hello'));
    const reply = await open();
    expect(named(reply, 'content-encoding')).toBeUndefined();
    expect(named(reply, 'content-length')).toBeUndefined();
    expect(reply.body.knownBytes).toBeUndefined();
    expect(await readAll(reply)).toBe('hello');
  });

  test('that is broken is not waited for any longer', async () => {
    const { promise: left, resolve } = Promise.withResolvers<void>();
    answer = (response) => {
      response.once('close', resolve);
      response.setHeader('content-encoding', 'gzip').write('this is no gzip');
    };
    await expect(readAll(await open())).rejects.toThrow();
    await left;
  });

  test('is given as it came where that is not asked for', async () => {
    const coded = gzipSync('hello');
    answer = (response) => response.setHeader('content-encoding', 'gzip').end(coded);
    const reply = await open('GET', false);
    expect(named(reply, 'content-encoding')).toBe('gzip');
    expect((await readAll(reply)).length).toBe(coded.toString().length);
  });

  test('is given as it came where another coding lies around it', async () => {
    answer = (response) => response.setHeader('content-encoding', 'gzip, br').end('coded');
    expect(await readAll(await open())).toBe('coded');
  });

  test('without a body is no broken one', async () => {
    answer = (response) => response.setHeader('content-encoding', 'gzip').end();
    expect(await readAll(await open('HEAD'))).toBe('');
  });

  test('comes piece by piece', async () => {
    const [first, second] = [gzipSync('first '), gzipSync('second')];
    const sent = Promise.withResolvers<ServerResponse>();
    answer = (response) => {
      response.setHeader('content-encoding', 'gzip').write(first);
      sent.resolve(response);
    };
    const { body } = await open();
    expect(Buffer.from((await body.read()) ?? []).toString()).toBe('first ');
    (await sent.promise).end(second);
    expect(Buffer.from((await body.read()) ?? []).toString()).toBe('second');
    expect(await body.read()).toBeUndefined();
    expect(await body.read()).toBeUndefined();
  });

  test('that is broken breaks off', async () => {
    answer = (response) => response.setHeader('content-encoding', 'gzip').end('not gzip');
    await expect(readAll(await open())).rejects.toThrow('incorrect header check');
    answer = (response) =>
      response.setHeader('content-encoding', 'gzip').end(gzipSync('hello').subarray(0, 12));
    await expect(readAll(await open())).rejects.toThrow('unexpected end of file');
  });

  test('that nobody reads to its end holds no megabytes, and lets its server go', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const closed = Promise.withResolvers<void>();
    answer = (response) => {
      response.once('close', closed.resolve);
      response.setHeader('content-encoding', 'gzip').write(bomb);
    };
    const { body } = await open();
    expect((await body.read())?.length).toBeLessThanOrEqual(64 * 1024);
    body.cancel();
    expect(await body.read()).toBeUndefined();
    await closed.promise;
  });
});
