import { symlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask, sendRaw, statusOf } from '../support/http.ts';

describe('serve FOLDER', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  beforeAll(async () => {
    for (const guest of [
      'hello',
      'echo',
      'trap',
      'counter',
      'nothing',
      'status',
      'headers-multi',
    ]) {
      folder.put(guest);
    }
    folder.put('echo', 'dir/inner.wasm');
    folder.put('hello', 'app/index.wasm');
    folder.write('index.html', '<!doctype html><title>home</title>');
    folder.write('both/index.html', 'page');
    folder.put('hello', 'both/index.wasm');
    folder.write('a b/grüße.txt', 'grüße');
    daemon = await TestDaemon.start({ args: [folder.directory] });
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  test('serves the files of .well-known, and nothing else that begins with a dot', async () => {
    folder.write('.well-known/security.txt', 'Contact: mailto:a@example.com');
    folder.write('.well-known/.env', 'no');
    folder.write('.well-known/acme-challenge/token', 'no');
    folder.write('.git/config', 'no');
    symlinkSync('../.git/config', folder.path('.well-known/link'));
    const get = async (path: string) => (await ask(daemon.port, path)).status;
    const reply = await ask(daemon.port, '/.well-known/security.txt');
    expect([reply.status, reply.text]).toEqual([200, 'Contact: mailto:a@example.com']);
    expect(await get('/.well-known/.env')).toBe(403);
    expect(await get('/.well-known/acme-challenge/token')).toBe(403);
    expect(await get('/.git/config')).toBe(403);
    expect(await get('/.well-known/link')).toBe(404);
  });

  test('serves by no link what its own name is not served for', async () => {
    folder.write('terrafirma.toml', 'private = ["/app.lua"]\n[env]\nKEY = "secret"\n');
    folder.write('app.lua', 'secret');
    folder.write('page.txt~', 'old');
    folder.write('page.txt', 'page');
    const get = async (path: string) => (await ask(daemon.port, path)).status;
    await waitFor(async () => ((await get('/app.lua')) === 404 ? true : undefined));
    const targets = ['terrafirma.toml', 'app.lua', 'page.txt~', 'hello.wasm'];
    for (const [index, target] of targets.entries()) {
      symlinkSync(target, folder.path(`link-${index}.txt`));
      expect([target, await get(`/link-${index}.txt`)]).toEqual([target, 404]);
    }
    symlinkSync('page.txt', folder.path('link.txt'));
    expect(await get('/link.txt')).toBe(200);
  });

  test('says in its first log line where it listens', () => {
    expect(daemon.log[0]?.listening).toEqual([daemon.url]);
    expect(daemon.port).toBeGreaterThan(0);
  });

  test('writes no warnings to standard error', () => {
    expect(daemon.complaints).toEqual([]);
  });

  test('answers for every authority', async () => {
    for (const host of ['example.com', '127.0.0.1', '[::1]:8080', 'localhost', 'my_app:80']) {
      const reply = await ask(daemon.port, '/hello.wasm', { host });
      expect([host, reply.status, reply.text]).toEqual([host, 200, 'hello\n']);
    }
    const old = await sendRaw(daemon.port, 'GET /hello.wasm HTTP/1.0\r\n\r\n');
    expect(statusOf(old)).toBe(200);
  });

  test.each(['not a name', '', 'u:p@host', 'a/x"><script>'])(
    'takes %j for no host',
    async (host) => {
      const raw = await sendRaw(
        daemon.port,
        `GET /hello.wasm HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      );
      expect(statusOf(raw)).toBe(400);
    },
  );

  test('gives the guest method, target, headers and body', async () => {
    const reply = await ask(daemon.port, '/dir/inner.wasm/rest/of%20it?x=1&y=%20', {
      method: 'PATCH',
      host: 'example.com',
      headers: { 'x-one': ['a', 'b'] },
      body: 'the body',
    });
    expect(reply.text).toContain('PATCH /dir/inner.wasm/rest/of%20it?x=1&y=%20\n');
    expect(reply.text).toContain('x-one: a\nx-one: b\n');
    expect(reply.text).toContain('host: example.com\n');
    expect(reply.text).toMatch(/\n\nthe body$/);
  });

  test('starts every request from fresh state', async () => {
    for (let round = 0; round < 20; round += 1) {
      expect((await ask(daemon.port, '/counter.wasm')).text).toBe('1\n');
    }
  });

  test('keeps several values of a header apart', async () => {
    const reply = await ask(daemon.port, '/headers-multi.wasm');
    expect(reply.headers['set-cookie']).toEqual(['a=1; Path=/', 'b=2; HttpOnly']);
  });

  test('answers HEAD with the head only', async () => {
    const raw = await sendRaw(
      daemon.port,
      'HEAD /hello.wasm HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    expect(raw).toMatch(/content-length: 6\r\n/i);
    expect(raw.endsWith('\r\n\r\n')).toBe(true);
  });

  test('serves files beside the modules', async () => {
    const home = await ask(daemon.port, '/');
    expect([home.status, home.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    const text = await ask(daemon.port, '/a%20b/gr%C3%BC%C3%9Fe.txt');
    expect(text.text).toBe('grüße');
  });

  test('revalidates and cuts files by range', async () => {
    const { headers } = await ask(daemon.port, '/');
    const again = await ask(daemon.port, '/', {
      headers: { 'if-none-match': String(headers.etag) },
    });
    expect([again.status, again.text]).toEqual([304, '']);
    const part = await ask(daemon.port, '/', { headers: { range: 'bytes=2-8' } });
    expect([part.status, part.text, part.headers['content-range']]).toEqual([
      206,
      'doctype',
      `bytes 2-8/${headers['content-length']}`,
    ]);
    const beyond = await ask(daemon.port, '/', { headers: { range: 'bytes=999-' } });
    expect(beyond.status).toBe(416);
  });

  test('leaves the range of a HEAD alone', async () => {
    const whole = await ask(daemon.port, '/', { method: 'HEAD' });
    for (const range of ['bytes=2-8', 'bytes=999-']) {
      const reply = await ask(daemon.port, '/', { method: 'HEAD', headers: { range } });
      expect(reply.status).toBe(200);
      expect(reply.headers['content-length']).toBe(whole.headers['content-length']);
      expect(reply.headers['content-range']).toBeUndefined();
    }
  });

  test('lets index.wasm answer for a directory that has no index.html', async () => {
    expect((await ask(daemon.port, '/app/')).text).toBe('hello\n');
    expect((await ask(daemon.port, '/both/')).text).toBe('page');
    const bare = await ask(daemon.port, '/app?x=1');
    expect([bare.status, bare.headers.location]).toEqual([301, './app/?x=1']);
  });

  test('marks every answer with its request id', async () => {
    const good = await ask(daemon.port, '/hello.wasm');
    const bad = await ask(daemon.port, '/missing');
    expect(good.headers['x-request-id']).toMatch(/^[0-9a-f]{12}-[0-9a-z]+$/);
    const line = await daemon.waitForLog(({ id }) => id === bad.headers['x-request-id']);
    expect(line).toMatchObject({ status: 404, path: '/missing', outcome: 'failed' });
  });

  test('logs one access line a request without secrets', async () => {
    const reply = await ask(daemon.port, '/hello.wasm?token=secret', {
      host: 'example.com',
      headers: { authorization: 'Bearer hidden', cookie: 'session=hidden' },
    });
    const line = await daemon.waitForLog(({ id }) => id === reply.headers['x-request-id']);
    expect(line).toMatchObject({
      method: 'GET',
      path: '/hello.wasm',
      status: 200,
      bytesSent: 6,
      outcome: 'replied',
      modulePath: 'hello.wasm',
    });
    expect(line.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(typeof line.cpuUs).toBe('number');
    expect(typeof line.wallUs).toBe('number');
    expect(JSON.stringify(daemon.log)).not.toMatch(/hidden|secret/);
  });

  test('logs neither user info nor queries of requests it refuses', async () => {
    const close = 'Connection: close\r\n\r\n';
    const requests = [
      `GET http://u:SECRET@example.com/%zz HTTP/1.1\r\nHost: x\r\n${close}`,
      `GET /hello.wasm HTTP/1.1\r\nHost: u:SECRET@x\r\n${close}`,
      `GET /%zz?token=SECRET HTTP/1.1\r\nHost: x\r\n${close}`,
      `GET ftp://u:SECRET@x/ HTTP/1.1\r\nHost: x\r\n${close}`,
      `GET / HTTP/1.1\r\nHost: u:SECRET@x\r\nHost: u:SECRET@y\r\n${close}`,
    ];
    const before = daemon.log.length;
    for (const bytes of requests) await sendRaw(daemon.port, bytes);
    const told = await waitFor(() => {
      const lines = daemon.log.slice(before).filter(({ msg }) => msg === 'request');
      return lines.length === requests.length ? lines : undefined;
    });
    expect(JSON.stringify(told)).not.toContain('SECRET');
  });
});
