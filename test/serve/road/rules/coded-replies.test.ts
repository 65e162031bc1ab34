import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Header, RequestHead } from '../../../../src/http/message.ts';
import { replyCoderFor } from '../../../../src/serve/road/rules/coded-replies.ts';
import { defaultRequest } from '../../../abi/objects/cgi/stream-exchange.ts';

const BODY = Buffer.from('the same again and again '.repeat(100));
const HTML: Header = ['Content-Type', 'text/html; charset=utf-8'];
const BROWSER: Header = ['accept-encoding', 'gzip, deflate, br, zstd'];

function requestWith(headers: readonly Header[], method = 'GET'): RequestHead {
  return { ...defaultRequest, method, headers };
}

function codeOf(body: Uint8Array, headers: readonly Header[], status = 200) {
  const reply = { head: { status, headers }, body };
  const coded = replyCoderFor(requestWith([BROWSER]))?.(reply);
  return coded === reply ? undefined : coded;
}

describe('replyCoderFor()', () => {
  test.each([
    ['gzip, deflate, br, zstd', 'zstd', zstdDecompressSync],
    ['gzip, br', 'gzip', gunzipSync],
    ['zstd;q=0.5, gzip', 'gzip', gunzipSync],
  ] as const)('for %s codes by %s', (accept, coding, decompress) => {
    const coder = replyCoderFor(requestWith([['accept-encoding', accept]]));
    const coded = coder?.({ head: { status: 200, headers: [HTML] }, body: BODY });
    expect(coded?.head.headers).toEqual([HTML, ['content-encoding', coding]]);
    expect(decompress(coded?.body ?? BODY)).toEqual(BODY);
  });

  test.each<[string, RequestHead]>([
    ['who takes nothing of it', requestWith([])],
    ['who takes brotli alone', requestWith([['accept-encoding', 'br']])],
    ['HEAD', requestWith([BROWSER], 'HEAD')],
    // BREACH: what is secret must not be compressed beside what others wrote.
    ['who has a cookie', requestWith([BROWSER, ['cookie', 'a=b']])],
    ['who has logged in', requestWith([BROWSER, ['authorization', 'Basic x']])],
  ])('codes nothing for %s', (_, request) => expect(replyCoderFor(request)).toBeUndefined());
});

describe('an answer stays as it is', () => {
  test.each<[string, Header]>([
    ['a picture', ['content-type', 'image/png']],
    ['without a type', ['x', 'y']],
    ['events', ['content-type', 'text/event-stream']],
  ])('%s', (_, header) => expect(codeOf(BODY, [header])).toBeUndefined());

  test.each<Header>([
    ['Set-Cookie', 'a=b'],
    ['cache-control', 'public, no-transform'],
    ['content-encoding', 'br'],
    ['content-range', 'bytes 0-1/2'],
    ['accept-ranges', 'bytes'],
    ['ETag', '"x"'],
  ])('with %s: %s', (...header) => expect(codeOf(BODY, [HTML, header])).toBeUndefined());

  test('of another status', () => expect(codeOf(BODY, [HTML], 404)).toBeUndefined());

  test('of few bytes, or of too many', () => {
    expect(codeOf(BODY.subarray(0, 1_023), [HTML])).toBeUndefined();
    expect(codeOf(BODY.subarray(0, 1_024), [HTML])).toBeDefined();
    expect(codeOf(Buffer.alloc(512 * 1024), [HTML])).toBeDefined();
    expect(codeOf(Buffer.alloc(512 * 1024 + 1), [HTML])).toBeUndefined();
  });

  test('that would not become smaller', () => {
    const noise = crypto.getRandomValues(new Uint8Array(2_000));
    expect(codeOf(noise, [HTML])?.body).toBe(noise);
  });
});
