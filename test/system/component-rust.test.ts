import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask, sendRaw, type TestRequest } from '../support/http.ts';
import { assemble } from '../wasm/support/assemble.ts';

const guests = join(import.meta.dirname, '../guests/components/rust');
const guest = (name: string): Uint8Array => readFileSync(join(guests, `${name}.wasm`));

const settings = `
[config]
color = "green"

[[middleware]]
for = "/hello.wasm/guarded/*"
use = ["links/guard.wasm", "links/guard.wasm"]
[[middleware]]
for = "/files/*"
use = ["links/guard.wasm"]
[[middleware]]
for = "/async/*"
use = ["links/guard.wasm", "links/link03.wasm", "links/link03.wasm"]
[[middleware]]
for = "/hello.wasm/async/*"
use = ["links/link03.wasm"]
[[middleware]]
for = "/tell.wasm/async/*"
use = ["links/link03.wasm", "links/link03.wasm"]
[[headers]]
for = "/async/large.txt"
set = { "x-of-file" = "1" }
[[headers]]
for = "/async/*"
apply = "all"
set = { "x-of-all" = "1" }
[[headers]]
for = "/hello.wasm/async/ruled"
apply = "all"
set = { "x-link" = "rule" }
`;

/** A CGI program that answers its environment, a NUL behind each variable. */
const tellsEnvironment = assemble(`(module
  (import "wasi_snapshot_preview1" "environ_sizes_get"
    (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 64) "Content-Type: text/plain\\0d\\0a\\0d\\0a")
  (func (export "_start")
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (drop (call $get (i32.const 4096) (i32.const 8192)))
    (i32.store (i32.const 16) (i32.const 64))
    (i32.store (i32.const 20) (i32.const 28))
    (i32.store (i32.const 24) (i32.const 8192))
    (i32.store (i32.const 28) (i32.load (i32.const 4)))
    (drop (call $write (i32.const 1) (i32.const 16) (i32.const 2) (i32.const 8)))))`);

const open: TestRequest = { headers: { 'x-key': 'open' } };

describe('components that Rust makes', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  beforeAll(async () => {
    folder.write('terrafirma.toml', settings);
    for (const name of ['hello', 'spin', 'spin3', 'guarded-hello'])
      folder.write(`${name}.wasm`, guest(name));
    folder.write('tell.wasm', tellsEnvironment);
    folder.write('links/guard.wasm', guest('guard'));
    folder.write('links/link03.wasm', guest('link03'));
    folder.write('files/a.txt', 'a file');
    folder.write('async/large.txt', 'x'.repeat(3_000_000));
    daemon = await TestDaemon.start({ args: [folder.directory] });
    await waitFor(async () => {
      const paths = [
        ...['/hello.wasm', '/spin.wasm', '/guarded-hello.wasm', '/files/a.txt'],
        ...['/async/large.txt', '/spin3.wasm', '/tell.wasm/async/x'],
      ];
      const all = await Promise.all(paths.map((path) => ask(daemon.port, path, open)));
      return all.every(({ status }) => status === 200) ? true : undefined;
    }, 100_000);
  }, 120_000);

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const get = async (path: string, options: TestRequest = {}) => {
    const { status, text } = await ask(daemon.port, path, options);
    return { status, text };
  };

  test('two in one file hand requests, bodies and answers to each other', async () => {
    const closed = { status: 401, text: 'closed\n' };
    expect(await get('/guarded-hello.wasm/x')).toEqual(closed);
    for (let count = 0; count < 3; count += 1) {
      const posted = await get('/guarded-hello.wasm/x', { ...open, method: 'POST', body: 'abc' });
      expect(posted).toEqual({ status: 200, text: 'hello from /x, 3 bytes\n' });
    }
    const large = { ...open, method: 'POST', body: 'y'.repeat(1_000_000) };
    expect((await get('/guarded-hello.wasm', large)).text).toBe('hello from /, 1000000 bytes\n');
  });

  test('the one stands before others of the folder, twice too', async () => {
    expect(await get('/files/a.txt')).toEqual({ status: 401, text: 'closed\n' });
    expect(await get('/files/a.txt', open)).toEqual({ status: 200, text: 'a file' });
    expect(await get('/hello.wasm/guarded/a')).toMatchObject({ status: 401 });
    const posted = await get('/hello.wasm/guarded/a', { ...open, method: 'POST', body: 'abcd' });
    expect(posted).toEqual({ status: 200, text: 'hello from /guarded/a, 4 bytes\n' });
  });

  test('links of 0.3 give what stands behind them, with a header more', async () => {
    const large = await ask(daemon.port, '/async/large.txt', open);
    expect([large.status, large.body.length]).toEqual([200, 3_000_000]);
    expect(large.headers['x-link']).toBe('0.3, 0.3');
    expect(large.headers).toMatchObject({ 'x-of-file': '1', 'x-of-all': '1' });
    expect(await get('/async/large.txt')).toMatchObject({ status: 401 });
    expect(await get('/async/none', open)).toMatchObject({ status: 404 });
    const body = 'z'.repeat(300_000);
    const posted = await ask(daemon.port, '/hello.wasm/async/a?b', { method: 'POST', body });
    expect(posted.text).toBe('hello from /async/a?b, 300000 bytes\n');
    expect(posted.headers['x-link']).toBe('0.3');
    const ruled = await ask(daemon.port, '/hello.wasm/async/ruled');
    expect(ruled.headers['x-link']).toBe('rule, 0.3');
  });

  test.each(['GET', 'POST'])(
    'what stands behind has the fields as they came: %s',
    async (method) => {
      const fieldsAt = async (path: string): Promise<readonly string[]> => {
        const reply = await sendRaw(
          daemon.port,
          `${method} ${path} HTTP/1.1\r\nHost: a.test\r\nX-A: 1\r\nX-A: 2\r\nCookie: a=b\r\n` +
            'TE: trailers\r\nConnection: close, x-hop\r\nX-Hop: 1\r\nx-terrafirma-cron: 1\r\n' +
            `Proxy-Authorization: p\r\nContent-Length: ${method === 'GET' ? 0 : 3}\r\n\r\n` +
            (method === 'GET' ? '' : 'abc'),
        );
        return reply.split('\0').filter((line) => /^(?:HTTP_|CONTENT_)/.test(line));
      };
      const plain = await fieldsAt('/tell.wasm/plain/x');
      expect(plain).toContain('HTTP_X_A=1, 2');
      expect(plain).toContain(`CONTENT_LENGTH=${method === 'GET' ? 0 : 3}`);
      expect(await fieldsAt('/tell.wasm/async/x')).toEqual(plain);
    },
  );

  test.each(['/async/large.txt', '/hello.wasm/async/a'])(
    'an answer to HEAD through links says how long the body would be: %s',
    async (path) => {
      const got = await ask(daemon.port, path, open);
      const head = await ask(daemon.port, path, { ...open, method: 'HEAD' });
      expect([head.status, head.text]).toEqual([200, '']);
      expect(head.headers['content-length']).toBe(String(got.body.length));
      // The connection is as it should be: another request goes through it.
      expect((await ask(daemon.port, path, open)).body.length).toBe(got.body.length);
    },
  );

  test('one for Spin finds its store, its variables and its headers', async () => {
    const { text } = await get('/spin.wasm/a/b?q=1');
    expect(text).toMatch(
      /^n \d+ keys \["n"\] color Ok\("green"\) nowhere Some\(Error::NoSuchStore\)/,
    );
    expect(text).toContain('/spin.wasm/a/b?q=1\n');
    expect(text).toContain('spin-path-info=/a/b\n');
    expect(text).toContain('spin-component-route=/spin.wasm\n');
  });

  test('one for Spin 3 finds the same by async functions', async () => {
    const { text } = await get('/spin3.wasm/a/b');
    const nowhere = 'Some(Error::NoSuchStore)';
    expect(text).toBe(`Some([97]) false ["a", "b"] Ok("green") ${nowhere} /a/b\n`);
  });
});
