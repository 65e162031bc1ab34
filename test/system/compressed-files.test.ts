/** Files in the codings that clients take, through the daemon. */
import { utimesSync } from 'node:fs';
import {
  brotliCompressSync,
  brotliDecompressSync,
  gunzipSync,
  zstdDecompressSync,
} from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assemble } from '../support/abi-puppet.ts';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask, type TestReply } from '../support/http.ts';

const TEXT = 'A line of text that says the same again and again.\n'.repeat(200);
const LARGE = TEXT.repeat(50);
const SIBLING = 'what the folder has beside it';
/** Answers with 8 KiB of text. */
const LONG_PAGE = `(module
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "run")
    (memory.fill (i32.const 0) (i32.const 97) (i32.const 8192))
    (drop (call $set (i32.const 0) (i32.const 0) (i32.const 8192)))))`;
const BROWSER = 'gzip, deflate, br, zstd';

describe('compressed files', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  beforeAll(async () => {
    const longAgoS = Date.now() / 1_000 - 1_000;
    for (const name of [
      'a.css',
      'b.css',
      'c.css',
      'large.js',
      'x.bin',
      'old.css',
      'sub/index.html',
    ]) {
      folder.write(name, name === 'large.js' ? LARGE : TEXT);
      utimesSync(folder.path(name), longAgoS, longAgoS);
    }
    folder.write('small.css', 'p {}');
    folder.write('b.css.br', brotliCompressSync(SIBLING));
    folder.write('old.css.br', brotliCompressSync('of an older file'));
    utimesSync(folder.path('old.css.br'), longAgoS - 1_000, longAgoS - 1_000);
    daemon = await TestDaemon.start({ args: [folder.directory], threads: 1 });
    // Within a second of a write an ETag names no version for good.
    await waitFor(async () => {
      const { headers } = await get('/a.css');
      return String(headers.etag).startsWith('W/') ? undefined : true;
    });
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    ask(daemon.port, path, { headers, method });
  const coded = (path: string, accept: string) => get(path, { 'accept-encoding': accept });

  /** As often as needed until the daemon has compressed the file. */
  const untilCoded = (path: string, accept: string): Promise<TestReply> =>
    waitFor(async () => {
      const reply = await coded(path, accept);
      return reply.headers['content-encoding'] === undefined ? undefined : reply;
    });

  test.each([
    ['br', brotliDecompressSync],
    ['gzip', gunzipSync],
    ['zstd', zstdDecompressSync],
  ] as const)('are compressed by %s once, and kept', async (coding, decompress) => {
    const reply = await untilCoded('/a.css', coding);
    expect(reply.headers).toMatchObject({
      'content-encoding': coding,
      'content-type': 'text/css; charset=utf-8',
      vary: 'Accept-Encoding',
    });
    expect(reply.headers['accept-ranges']).toBeUndefined();
    expect(decompress(reply.body).toString()).toBe(TEXT);
    // Until then it is compressed on the spot, otherwise and each time anew.
    const again = await waitFor(async () => {
      const [one, other] = [await coded('/a.css', coding), await coded('/a.css', coding)];
      return one.body.equals(other.body) ? one : undefined;
    });
    expect(decompress(again.body).toString()).toBe(TEXT);
  });

  test('are compressed on the spot for whoever comes first', async () => {
    const reply = await coded('/c.css', BROWSER);
    expect(reply.headers['content-encoding']).toBe('zstd');
    expect(zstdDecompressSync(reply.body).toString()).toBe(TEXT);
  });

  test('of many pieces, and of a directory', async () => {
    const large = await untilCoded('/large.js', 'br');
    expect(brotliDecompressSync(large.body).toString()).toBe(LARGE);
    expect((await untilCoded('/sub/', 'gzip')).headers['content-type']).toMatch(/html/);
  });

  test('have an ETag of their own, and either tells that nothing changed', async () => {
    const own = await get('/a.css');
    const zstd = await untilCoded('/a.css', 'zstd');
    expect(zstd.headers.etag).toBe(String(own.headers.etag).replace(/"$/, '-zst"'));
    for (const etag of [own.headers.etag, zstd.headers.etag]) {
      const reply = await get('/a.css', {
        'accept-encoding': BROWSER,
        'if-none-match': String(etag),
      });
      expect([reply.status, reply.headers.vary]).toEqual([304, 'Accept-Encoding']);
    }
  });

  test('ranges are those of the file as it is', async () => {
    const range = { 'accept-encoding': BROWSER, range: 'bytes=2-5' };
    const reply = await get('/a.css', range);
    expect([reply.status, reply.text]).toEqual([206, TEXT.slice(2, 6)]);
    const { headers } = await untilCoded('/a.css', 'zstd');
    const other = await get('/a.css', { range: 'bytes=2-5', 'if-range': String(headers.etag) });
    expect([other.status, other.text]).toEqual([200, TEXT]);
  });

  test('what the folder has beside a file comes first', async () => {
    const reply = await coded('/b.css', 'br');
    expect(brotliDecompressSync(reply.body).toString()).toBe(SIBLING);
    expect(reply.headers['content-type']).toMatch(/css/);
    const head = await get('/b.css', { 'accept-encoding': 'br' }, 'HEAD');
    expect(head.headers['content-length']).toBe(String(reply.body.length));
  });

  test('but not when it is older', async () => {
    const reply = await untilCoded('/old.css', 'br');
    expect(brotliDecompressSync(reply.body).toString()).toBe(TEXT);
  });

  test.each([
    ['/small.css', BROWSER],
    ['/x.bin', BROWSER],
    ['/a.css', 'identity'],
    ['/a.css', 'br;q=0'],
  ])('%s for %j stays as it is', async (path, accept) => {
    const { headers } = await coded(path, accept);
    expect(headers['content-encoding']).toBeUndefined();
    expect(headers['accept-ranges']).toBe('bytes');
    expect(headers.vary).toBe(path === '/a.css' ? 'Accept-Encoding' : undefined);
  });
});

test('compress = "off" leaves all files as they are', async () => {
  using folder = new TestFolder();
  folder.write('a.css', TEXT);
  folder.write('a.css.br', brotliCompressSync(SIBLING));
  folder.write('terrafirma.toml', '[site]\ncompress = "off"\n');
  await using daemon = await TestDaemon.start({ args: [folder.directory] });
  const { headers, text } = await ask(daemon.port, '/a.css', {
    headers: { 'accept-encoding': BROWSER },
  });
  expect([headers['content-encoding'], headers.vary, text]).toEqual([undefined, undefined, TEXT]);
});

test('compress = "all" holds for what modules send whole', async () => {
  using folder = new TestFolder();
  folder.write('page.wasm', await assemble(LONG_PAGE));
  folder.write('terrafirma.toml', '[site]\ncompress = "all"\n');
  await using daemon = await TestDaemon.start({ args: [folder.directory] });
  const get = (headers: Record<string, string>) => ask(daemon.port, '/page.wasm', { headers });
  const coded = await get({ 'accept-encoding': BROWSER });
  expect(coded.headers).toMatchObject({ 'content-encoding': 'zstd', vary: 'Accept-Encoding' });
  expect(zstdDecompressSync(coded.body).toString()).toBe('a'.repeat(8_192));
  const own = await get({});
  expect([own.text.length, own.headers.vary]).toEqual([8_192, 'Accept-Encoding']);
  const withCookie = await get({ 'accept-encoding': BROWSER, cookie: 'a=b' });
  expect(withCookie.headers['content-encoding']).toBeUndefined();
});
