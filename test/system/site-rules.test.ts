/** What a folder's terrafirma.toml makes of requests, through the daemon. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask, sendRaw } from '../support/http.ts';

const YEAR = 'public, max-age=31536000, immutable';
const SETTINGS = `
private = ["/hidden.html", "/closed/*"]

[[redirects]]
from = "/old/:year/*"
to = "/new/:year/:splat"

[[redirects]]
from = "/moved"
to = "https://other.example/there"
status = 308

[[redirects]]
from = "/page.html"
to = "/shadowed"

[[redirects]]
from = "/forced.html"
to = "/page.html"
status = 302
force = true

[[redirects]]
from = "/away"
status = 410

[[redirects]]
from = "/api/*"
to = "/hello.wasm/:splat?by=rule"
status = 200

[[redirects]]
from = "/alias"
to = "/page.html"
status = 200

[[redirects]]
from = "/to-hidden"
to = "/hidden.html"
status = 200

[[redirects]]
from = "/round"
to = "/about-round"
status = 200

[[redirects]]
from = "/about-round"
to = "/round"
status = 200

[[headers]]
for = "/*"
set = { "x-frame-options" = "DENY", "cache-control" = "max-age=60" }

[[headers]]
for = "/style.css"
set = { "cache-control" = "max-age=5" }

[[headers]]
for = "/hello.wasm/*"
set = { "x-rule" = "all", "content-type" = "text/x-rule" }
apply = "all"

[errors]
404 = "/404.html"
410 = "/gone.html"
500 = "/sorry.html"

[site]
spa = "/app.html"
clean_urls = true

[cors]
allow_origins = ["https://app.example"]
methods = ["PUT"]
headers = ["x-token"]
credentials = true
max_age_s = 600

["trap.wasm"]
cors = "module"
`;

const SALT = '00112233445566778899aabb';
const HASH = createHash('sha256')
  .update(Buffer.concat([Buffer.from(SALT, 'hex'), Buffer.from('geheim')]))
  .digest('hex');
const ALICE = { whitelist_additional_permissions: { alice: 'read' } };
const CLOSED = JSON.stringify({
  version: 'v1',
  users: { alice: `sha256:${SALT}:${HASH}` },
  per_path_configs: {
    '/': { anonymous_permissions: 'read' },
    '/closed': ALICE,
    '/hidden.html': ALICE,
    '/app.html': ALICE,
    '/never': {},
  },
});
const CLOSED_RULES = `
[[redirects]]
from = "/page"
to = "/closed/page.html"
status = 200

[[redirects]]
from = "/module"
to = "/closed/hello.wasm"
status = 200

[[redirects]]
from = "/closed/moved"
to = "/elsewhere"
force = true

[errors]
401 = "/401.html"
403 = "/403.html"

[site]
spa = "/app.html"
clean_urls = true
`;

describe('rules of a folder', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  beforeAll(async () => {
    folder.put('hello');
    folder.put('trap');
    const pages = ['page', 'forced', 'about', 'app', '404', 'gone', 'sorry', 'hidden'];
    for (const name of pages) folder.write(`${name}.html`, `<p>${name}</p>`);
    folder.write('closed/x.html', 'closed');
    folder.write('style.css', 'p {}');
    folder.write('app.3f5a9c1d.css', 'p {}');
    folder.write('terrafirma.toml', SETTINGS);
    daemon = await TestDaemon.start({ args: [folder.directory] });
    await waitFor(async () =>
      (await ask(daemon.port, '/hello.wasm')).status === 200 ? 1 : undefined,
    );
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    ask(daemon.port, path, { headers, method });
  const html = { accept: 'text/html,*/*;q=0.8' };

  test.each([
    ['/old/2026/a/b?q=1', 301, '/new/2026/a/b?q=1'],
    ['/old/2026//evil.example', 400, undefined],
    ['/moved', 308, 'https://other.example/there'],
    ['/forced.html', 302, '/page.html'],
    // A file is there, and the rule is not forced.
    ['/page.html', 200, undefined],
  ])('redirect %s', async (path, status, location) => {
    const reply = await get(path);
    expect([reply.status, reply.headers.location]).toEqual([status, location]);
  });

  test('a rewrite stands for another file, or for a module with its query', async () => {
    expect(await get('/alias')).toMatchObject({ status: 200, text: '<p>page</p>' });
    const reply = await get('/api/x/y?lost=1');
    expect(reply.status).toBe(200);
    const line = await daemon.waitForLog((one) => String(one.path).startsWith('/api/x'));
    expect(line).toMatchObject({ modulePath: 'hello.wasm', outcome: 'replied' });
  });

  test('a rewrite opens nothing that is private', async () => {
    expect(await get('/to-hidden')).toMatchObject({ status: 404, text: '<p>404</p>' });
    expect(await get('/hidden')).toMatchObject({ status: 404, text: '<p>404</p>' });
  });

  test('rewrites that go round end', async () => {
    expect((await get('/round')).status).toBe(508);
  });

  test('what is gone says so, with the page for it', async () => {
    const reply = await get('/away');
    expect(reply).toMatchObject({ status: 410, text: '<p>gone</p>' });
    expect(reply.headers).toMatchObject({
      'cache-control': 'no-cache',
      'content-type': 'text/html; charset=utf-8',
      'x-frame-options': 'DENY',
    });
  });

  test('a clean URL answers with its page', async () => {
    expect(await get('/about')).toMatchObject({ status: 200, text: '<p>about</p>' });
    expect((await get('/about', {}, 'POST')).status).toBe(404);
  });

  test('an application answers whoever opens a page, and nobody else', async () => {
    const reply = await get('/some/view', html);
    expect(reply).toMatchObject({ status: 200, text: '<p>app</p>' });
    expect(reply.headers['cache-control']).toBe('no-cache');
    expect(reply.headers['x-frame-options']).toBe('DENY');
    expect(await get('/some/view', { accept: '*/*' })).toMatchObject({ status: 404 });
    expect(await get('/some/missing.js', html)).toMatchObject({ status: 404 });
    expect(await get('/some/view', html, 'POST')).toMatchObject({ status: 404 });
    expect(await get('/closed/x.html', html)).toMatchObject({ status: 404 });
  });

  test('a page tells of what is missing, with the status of it', async () => {
    const reply = await get('/missing.png');
    expect(reply).toMatchObject({ status: 404, text: '<p>404</p>' });
    expect(reply.headers['cache-control']).toBe('no-cache');
    expect((await get('/missing.png', {}, 'HEAD')).text).toBe('');
    expect(await get('/missing.wasm')).toMatchObject({ status: 404, text: '<p>404</p>' });
  });

  test('a page tells of a module that failed', async () => {
    const reply = await get('/trap.wasm');
    expect(reply).toMatchObject({ status: 500, text: '<p>sorry</p>' });
    expect(reply.headers['x-request-id']).toMatch(/-/);
  });

  test('a page that is gone itself leaves the sentence', async () => {
    folder.remove('gone.html');
    expect((await get('/away')).text).toMatch(/^Cannot find the path/);
    folder.write('gone.html', '<p>gone</p>');
    folder.write('404.html', 'x'.repeat(256 * 1024 + 1));
    expect((await get('/missing.png')).text).toMatch(/^Cannot find that path/);
    folder.write('404.html', '<p>404</p>');
  });

  test('headers stand on files, the later rule over the former, and over our own', async () => {
    expect((await get('/page.html')).headers).toMatchObject({
      'cache-control': 'max-age=60',
      'x-frame-options': 'DENY',
    });
    expect((await get('/style.css')).headers['cache-control']).toBe('max-age=5');
  });

  test('headers stand on modules where the rule says so, and never over their own', async () => {
    const { headers } = await get('/hello.wasm/x');
    expect(headers['x-rule']).toBe('all');
    expect(headers['content-type']).not.toBe('text/x-rule');
    expect(headers['x-frame-options']).toBeUndefined();
  });

  test('scripts of a listed origin may read answers', async () => {
    const origin = 'https://app.example';
    const reply = await get('/style.css', { origin });
    expect(reply.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      vary: 'Origin',
    });
    const other = await get('/style.css', { origin: 'https://evil.example' });
    expect(other.headers['access-control-allow-origin']).toBeUndefined();
    expect(other.headers.vary).toBe('Origin');
    const missing = await get('/missing.png', { origin });
    expect(missing.headers['access-control-allow-origin']).toBe(origin);
  });

  test('the daemon answers preflights, but not for a module that does', async () => {
    const asking = { origin: 'https://app.example', 'access-control-request-method': 'PUT' };
    const reply = await get('/hello.wasm', asking, 'OPTIONS');
    expect(reply.status).toBe(204);
    expect(reply.headers).toMatchObject({
      'access-control-allow-methods': 'GET, HEAD, POST, PUT',
      'access-control-allow-headers': 'x-token',
      'access-control-max-age': '600',
    });
    const own = await get('/trap.wasm', asking, 'OPTIONS');
    expect(own.status).toBe(500);
    expect(own.headers['access-control-allow-origin']).toBeUndefined();
  });

  test('a WebSocket is not opened on a redirect', async () => {
    const upgrade =
      'GET /moved HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
    expect(await sendRaw(daemon.port, upgrade)).toMatch(/^HTTP\/1\.1 308 /);
  });
});

describe('a folder without rules', () => {
  test('keeps files with a hash in their names for a year, and asks for others', async () => {
    using folder = new TestFolder();
    folder.write('app.3f5a9c1d.css', 'p {}');
    folder.write('app.css', 'p {}');
    await using daemon = await TestDaemon.start({ args: [folder.directory] });
    const hashed = await ask(daemon.port, '/app.3f5a9c1d.css');
    expect(hashed.headers['cache-control']).toBe(YEAR);
    expect((await ask(daemon.port, '/app.css')).headers['cache-control']).toBe('no-cache');
  });
});

describe('rules of a folder that not everybody may read', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  beforeAll(async () => {
    folder.put('hello', 'closed/hello.wasm');
    folder.write('closed/page.html', 'secret');
    folder.write('hidden.html', 'secret');
    folder.write('app.html', 'secret');
    folder.write('401.html', '<p>who?</p>');
    folder.write('403.html', '<p>no</p>');
    folder.write('.kbp_config', CLOSED);
    folder.write('terrafirma.toml', CLOSED_RULES);
    daemon = await TestDaemon.start({ args: [folder.directory] });
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const get = (path: string, headers: Record<string, string> = {}) =>
    ask(daemon.port, path, { headers });

  test('no rewrite opens what is closed', async () => {
    for (const path of ['/page', '/module', '/closed/page.html']) {
      const reply = await get(path);
      expect([path, reply.status, reply.text]).toEqual([path, 401, '<p>who?</p>']);
      expect(reply.headers['www-authenticate']).toMatch(/^Basic /);
    }
    expect(await get('/never')).toMatchObject({ status: 403, text: '<p>no</p>' });
  });

  test('no forced redirect tells of a path that is closed', async () => {
    expect((await get('/closed/moved')).status).toBe(401);
  });

  test('neither a clean URL nor an application opens a closed page', async () => {
    expect((await get('/hidden')).status).toBe(404);
    expect((await get('/view', { accept: 'text/html' })).status).toBe(404);
  });

  test('whoever may read gets what the rules say', async () => {
    const authorization = `Basic ${Buffer.from('alice:geheim').toString('base64')}`;
    expect((await get('/page', { authorization })).text).toBe('secret');
    expect((await get('/hidden', { authorization })).text).toBe('secret');
    expect((await get('/view', { authorization, accept: 'text/html' })).text).toBe('secret');
    expect((await get('/closed/moved', { authorization })).status).toBe(301);
  });
});
