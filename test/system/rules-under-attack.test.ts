/** What rules of a folder must never pass by: passwords, hidden files, what caches must know. */
import { createHash } from 'node:crypto';
import { symlinkSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

const SALT = '00112233445566778899aabb';
const HASH = createHash('sha256')
  .update(Buffer.concat([Buffer.from(SALT, 'hex'), Buffer.from('geheim')]))
  .digest('hex');
const AUTHORIZATION = `Basic ${Buffer.from('alice:geheim').toString('base64')}`;
const ALICE = { whitelist_additional_permissions: { alice: 'read' } };
const OPEN = { anonymous_permissions: 'read' };
const CLOSED = JSON.stringify({
  version: 'v1',
  users: { alice: `sha256:${SALT}:${HASH}` },
  per_path_configs: {
    '/': { ...OPEN, 'Access-Control-Allow-Origin': '*' },
    '/own': OPEN,
    '/closed': ALICE,
    '/closed/open.csv': OPEN,
    '/data.csv.gz': ALICE,
  },
});
const SETTINGS = `
private = ["/shown.csv.gz", "/private.html"]

[errors]
404 = "/private.html"

[[redirects]]
from = "/short/*"
to = "/:splat"
status = 200

[[headers]]
for = "/*"
set = { "vary" = "Accept-Language" }
`;
const CSV = 'day,visits\n'.repeat(400);
const WHOLE = 'day,visits,names\n'.repeat(400);

describe('rules under attack', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  beforeAll(async () => {
    folder.write('page.html', '<p>page</p>');
    folder.write('private.html', '<p>private</p>');
    folder.write('own/page.html', '<p>own</p>');
    const names = ['data.csv', 'both.csv', 'shown.csv', 'closed/open.csv', 'closed/x.csv'];
    for (const name of names) {
      folder.write(name, CSV);
      folder.write(`${name}.gz`, gzipSync(WHOLE));
    }
    symlinkSync('closed/x.csv', `${folder.directory}/linked.csv`);
    symlinkSync('both.csv', `${folder.directory}/alias.csv`);
    symlinkSync('x.csv', `${folder.directory}/closed/latest.csv`);
    folder.write('.kbp_config', CLOSED);
    folder.write('terrafirma.toml', SETTINGS);
    daemon = await TestDaemon.start({ args: [folder.directory] });
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const get = (path: string, headers: Record<string, string> = {}) =>
    ask(daemon.port, path, { headers });
  const gzip = { 'accept-encoding': 'gzip' };

  test('no link leads from what everybody may read to what is closed', async () => {
    expect((await get('/closed/x.csv')).status).toBe(401);
    expect((await get('/linked.csv')).status).toBe(404);
    expect((await get('/short/linked.csv', { authorization: AUTHORIZATION })).status).toBe(404);
    // Within one rule a link is a name like any other.
    expect((await get('/alias.csv')).text).toBe(CSV);
    expect((await get('/closed/latest.csv')).status).toBe(401);
    expect((await get('/closed/latest.csv', { authorization: AUTHORIZATION })).text).toBe(CSV);
  });

  test('no compressed file beside another is sent to whoever may not read it', async () => {
    const [whole, cut] = [gzipSync(WHOLE), Buffer.from(CSV)];
    expect((await get('/both.csv', gzip)).body).toEqual(whole);
    expect((await get('/data.csv.gz')).status).toBe(401);
    for (const path of ['/data.csv', '/short/data.csv', '/shown.csv', '/closed/open.csv']) {
      const { body, status } = await get(path, gzip);
      expect([path, status, body.equals(whole)]).toEqual([path, 200, false]);
      expect((await get(path)).body).toEqual(cut);
    }
    const authorization = AUTHORIZATION;
    expect((await get('/closed/x.csv', { ...gzip, authorization })).body).toEqual(whole);
  });

  test('a page that tells of an error is none where it is private', async () => {
    const reply = await get('/nothing');
    expect(reply.status).toBe(404);
    expect(reply.text).toMatch(/^Cannot find that path/);
  });

  test('what scripts of others may read is said by the path that answers', async () => {
    expect((await get('/short/page.html')).headers['access-control-allow-origin']).toBe('*');
    for (const path of ['/own/page.html', '/short/own/page.html']) {
      const { headers, status } = await get(path);
      expect([path, status]).toEqual([path, 200]);
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  test('a rule adds to what an answer varies by', async () => {
    const { headers } = await get('/both.csv', gzip);
    expect(headers['content-encoding']).toBe('gzip');
    expect(headers.vary).toBe('Accept-Encoding, Accept-Language');
  });
});

describe('pages in place of others', () => {
  test('are nothing that is never served', async () => {
    using folder = new TestFolder();
    folder.put('hello');
    folder.write('page.html', '<p>page</p>');
    folder.write('.env', 'TOKEN=secret');
    folder.write('sub/.git/config', 'secret');
    await using daemon = await TestDaemon.start({ args: [folder.directory] });
    const view = () => ask(daemon.port, '/view', { headers: { accept: 'text/html' } });
    const hidden = ['/hello.wasm', '/.kbp_config', '/terrafirma.toml', '/.env', '/sub/.git/config'];
    const pages = ['[site]\nspa', '[errors]\n404'];
    for (const start of pages.flatMap((key) => hidden.map((page) => `${key} = "${page}"\n`))) {
      folder.replace('terrafirma.toml', '[site]\nspa = "/page.html"\n');
      await waitFor(async () => ((await view()).status === 200 ? true : undefined));
      folder.replace('terrafirma.toml', start);
      const reply = await waitFor(async () => {
        const { status, text } = await view();
        return status === 200 && text === '<p>page</p>' ? undefined : { start, status };
      });
      expect(reply).toEqual({ start, status: 412 });
    }
  });
});
