import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { UsualHeads } from '../../../src/serve/http1/usual-heads.ts';
import { sendRaw } from '../../support/http.ts';

const KEEP_ALIVE_MS = 5_500;
const NOW_MS = Date.parse('2026-11-30T05:06:07.890Z');
const LENGTH = ['content-length', '0'];

function open(keepAliveTimeoutMs = KEEP_ALIVE_MS): UsualHeads {
  return new UsualHeads({ keepAliveTimeoutMs, wallMs: () => NOW_MS });
}

/** The head of that answer as node sends it, with our time in it. */
async function nodesHead(
  status: number,
  headers: string[],
  keepAliveTimeout: number,
): Promise<string> {
  const server = createServer({ keepAliveTimeout }, (_request, response) => {
    response.writeHead(status, headers);
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
  const raw = await sendRaw(port, `${get}GARBAGE\r\n\r\n`);
  server.close();
  const head = raw.slice(0, raw.indexOf('\r\n\r\n') + 4);
  return head.replace(/Date: [^\r]+/, `Date: ${new Date(NOW_MS).toUTCString()}`);
}

describe('UsualHeads', () => {
  test.each([
    ['nothing but a length', 200, LENGTH],
    ['fields in any case', 200, ['X-One', 'a', 'x-one', 'b', 'Content-Type', 'a/b', ...LENGTH]],
    ['bytes above ASCII', 200, ['x-name', 'caf\u00e9', ...LENGTH]],
    ['an empty value', 200, ['x-empty', '', ...LENGTH]],
    ['several cookies', 200, ['set-cookie', 'a=b', 'set-cookie', 'c=d', ...LENGTH]],
    ['a status without a body', 204, ['x-one', 'a']],
    ['what has not changed', 304, ['etag', '"a"']],
    ['a failure', 503, ['retry-after', '1', ...LENGTH]],
    ['a status that nobody knows', 599, LENGTH],
  ])('lays %s out as node does', async (_what, status, headers) => {
    const laidOut = open().layOut(status, headers);
    expect(laidOut).toBe(await nodesHead(status, headers, KEEP_ALIVE_MS));
  });

  test('promises no time where connections are kept for none', async () => {
    expect(open(0).layOut(200, LENGTH)).toBe(await nodesHead(200, LENGTH, 0));
  });

  test.each([
    ['a connection that is not kept', ['connection', 'close', ...LENGTH]],
    ['what is said of keeping it', ['Keep-Alive', 'timeout=1', ...LENGTH]],
    ['a coding of the transfer', ['Transfer-Encoding', 'chunked']],
    ['fields behind the body', ['trailer', 'x-late', ...LENGTH]],
    ['its own date', ['date', new Date(0).toUTCString(), ...LENGTH]],
    ['no length', ['x-one', 'a']],
    ['a line end in a value', ['x-one', 'a\r\nx-two: b', ...LENGTH]],
    ['a character of more than a byte', ['x-one', '\u0100', ...LENGTH]],
    ['a name that is none', ['x one', 'a', ...LENGTH]],
    ['an empty name', ['', 'a', ...LENGTH]],
  ])('leaves to node: %s', (_what, headers) => {
    expect(open().layOut(200, headers)).toBeUndefined();
  });

  test('leaves a status to node that has a body, but no length', () => {
    expect(open().layOut(205, [])).toBeUndefined();
  });

  test('tells the second that it is', () => {
    let nowMs = NOW_MS;
    const heads = new UsualHeads({ keepAliveTimeoutMs: 0, wallMs: () => nowMs });
    const dates = [0, 100, 200, 1_000].map((laterMs) => {
      nowMs = NOW_MS + laterMs;
      return /Date: ([^\r]+)/.exec(heads.layOut(204, []) ?? '')?.[1];
    });
    const seconds = ['07', '07', '08', '08'];
    expect(dates).toEqual(seconds.map((second) => `Mon, 30 Nov 2026 05:06:${second} GMT`));
  });
});
