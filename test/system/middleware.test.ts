import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { answer, httpGuest } from '../support/component-guests.ts';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask, sendRaw, type TestRequest } from '../support/http.ts';
import {
  flood,
  guard,
  relayLink,
  relayTo,
  silent,
  trapsAfter,
  twice,
} from '../support/link-guests.ts';

const handle = (code: string): string => `(func (export "handle") (param i32 i32) ${code})`;

/** Answers its path. */
const readsPath = httpGuest(
  `${answer} ${handle(`
  (call $path (local.get 0) (i32.const 512))
  (call $answer (local.get 1) (i32.load (i32.const 516)) (i32.load (i32.const 520)))`)}`,
);

/** A rule has at most eight links, and any number of rules may hold for one path. */
const eightGuards = `
[[middleware]]
for = "/PLACE/*"
use = [${Array.from({ length: 8 }, () => '"links/guard.wasm"').join(', ')}]
`;

const settings = `
[[middleware]]
for = "/admin/*"
use = ["links/guard.wasm"]
[[middleware]]
for = "/relayed/*"
use = ["links/relay.wasm"]
[[middleware]]
for = "/both/*"
use = ["links/guard.wasm", "links/relay.wasm"]
[[middleware]]
for = "/moved/*"
use = ["links/to-admin.wasm"]
[[middleware]]
for = "/moved-well/*"
use = ["links/to-open.wasm"]
[[middleware]]
for = "/round/*"
use = ["links/to-trip.wasm"]
[[middleware]]
for = "/trip/*"
use = ["links/to-round.wasm"]
[[middleware]]
for = "/often/*"
use = ["links/often.wasm"]
[[middleware]]
for = "/too-often/*"
use = ["links/too-often.wasm"]
[[middleware]]
for = "/silent/*"
use = ["links/silent.wasm"]
[[middleware]]
for = "/twice/*"
use = ["links/twice.wasm"]
[[middleware]]
for = "/traps/*"
use = ["links/traps.wasm"]
[[middleware]]
for = "/missing/*"
use = ["links/nowhere.wasm"]
[[middleware]]
for = "/refused/*"
use = ["links/broken.wasm"]
[[middleware]]
for = "/page.html"
use = ["links/guard.wasm"]
[[middleware]]
for = "/echo.wasm/*"
use = ["links/relay.wasm"]

${eightGuards.repeat(4).replaceAll('PLACE', 'many')}
${eightGuards.repeat(5).replaceAll('PLACE', 'too-many')}

[[redirects]]
from = "/rewritten/*"
to = "/admin/:splat"
status = 200

[[redirects]]
from = "/admin/gone-k"
status = 410

[site]
clean_urls = true
`;

describe('middleware behind the daemon', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  const get = async (path: string, options: TestRequest = {}) => {
    const { status, text, headers } = await ask(daemon.port, path, options);
    return { status, text, link: headers['x-link'] };
  };

  beforeAll(async () => {
    folder.write('terrafirma.toml', settings);
    folder.write('links/guard.wasm', guard);
    folder.write('links/relay.wasm', relayLink);
    folder.write('links/to-admin.wasm', relayTo('/admin/secret'));
    folder.write('links/to-open.wasm', relayTo('/admin/secret?ok'));
    folder.write('links/to-trip.wasm', relayTo('/trip/x'));
    folder.write('links/to-round.wasm', relayTo('/round/x'));
    folder.write('links/often.wasm', flood(30));
    folder.write('links/too-often.wasm', flood(31));
    folder.write('many/k', 'behind 32');
    folder.write('too-many/k', 'a secret');
    folder.write('often/k.txt', 'a secret');
    folder.write('too-often/k.txt', 'a secret');
    folder.write('links/silent.wasm', silent);
    folder.write('links/twice.wasm', twice);
    folder.write('links/traps.wasm', trapsAfter);
    folder.write('links/broken.wasm', 'no module at all');
    folder.write('page.html', '<p>page</p>');
    for (const place of ['silent', 'twice', 'traps', 'missing', 'refused']) {
      folder.write(`${place}/k.txt`, 'a secret');
    }
    folder.write('admin/secret', 'a secret');
    folder.write('admin/k', 'a file');
    folder.write('admin/path.wasm', readsPath);
    folder.write('relayed/hello.txt', 'hello');
    folder.write('relayed/large.txt', 'x'.repeat(3_000_000));
    folder.write('relayed/path.wasm', readsPath);
    folder.write('both/k', 'behind two');
    folder.put('echo');
    daemon = await TestDaemon.start({ args: [folder.directory] });
    await waitFor(async () => {
      const paths = ['/admin/path.wasm/k', '/relayed/path.wasm', '/echo.wasm', '/both/k'];
      const all = await Promise.all(paths.map((path) => ask(daemon.port, path)));
      return all.every(({ status }) => status === 200) ? true : undefined;
    }, 100_000);
  }, 120_000);

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  test('a link that passes on leaves file, module and redirect as they are', async () => {
    expect(await get('/admin/k')).toMatchObject({ status: 200, text: 'a file' });
    expect(await get('/admin/path.wasm/k')).toMatchObject({ status: 200, text: '/k' });
    expect(await get('/admin/nothing-k')).toMatchObject({ status: 404 });
    expect(await get('/admin/gone-k')).toMatchObject({ status: 410 });
  });

  test('one that answers keeps all behind it from running', async () => {
    const refused = { status: 401, text: 'who are you?' };
    expect(await get('/admin/secret')).toMatchObject(refused);
    expect(await get('/admin/path.wasm')).toMatchObject(refused);
    expect(await get('/admin')).toMatchObject(refused);
    expect(await get('/admin/')).toMatchObject(refused);
    expect(await get('/%61dmin/secret')).toMatchObject(refused);
    expect(await get('/admin/secret?k')).toMatchObject({ status: 200, text: 'a secret' });
  });

  test.each([
    ...['/admin/../admin/secret', '/x/../admin/secret', '//admin/secret', '/admin//secret'],
    ...[
      '/./admin/secret',
      '/admin/./secret',
      '/admin%2fsecret',
      '/admin%2Fsecret',
      '/ADMIN/secret',
    ],
    ...[
      '/admin%5csecret',
      '/admin/secret%00',
      '/admin/secret/',
      '/%2e/admin/secret',
      '/admin/secret%20',
    ],
    ...[
      '/links/../admin/secret',
      '/admin;/secret',
      '/rewritten//secret',
      '/rewritten/%2e%2e/admin/secret',
    ],
  ])('%s is no way round', async (target) => {
    const told = await sendRaw(
      daemon.port,
      `GET ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
    );
    expect(told).toMatch(/^HTTP\/1\.1 \d/);
    expect(told).not.toContain('a secret');
  });

  test('a path that another leads to has its links, too', async () => {
    expect(await get('/rewritten/secret')).toMatchObject({ status: 401 });
    expect(await get('/rewritten/k')).toMatchObject({ status: 200, text: 'a file' });
    expect(await get('/moved/k')).toMatchObject({ status: 401, link: 'x-link' });
    expect(await get('/moved-well/')).toMatchObject({ status: 200, text: 'a secret' });
  });

  test('a page is not shown under a name that has no links', async () => {
    expect(await get('/page.html')).toMatchObject({ status: 401 });
    expect(await get('/page')).toMatchObject({ status: 404 });
  });

  test('one that sends on gets the answer, and gives it with more', async () => {
    expect(await get('/relayed/hello.txt')).toEqual({ status: 200, text: 'hello', link: 'x-link' });
    expect(await get('/relayed/path.wasm/a?b')).toMatchObject({ text: '/a?b', link: 'x-link' });
    expect(await get('/relayed/nothing')).toMatchObject({ status: 404, link: 'x-link' });
    expect((await get('/relayed/large.txt')).text).toHaveLength(3_000_000);
    expect(await get('/both/k')).toMatchObject({ text: 'behind two', link: 'x-link' });
  });

  test('bodies go through, and answers to HEAD have none', async () => {
    const body = `${'y'.repeat(500_000)}end`;
    const posted = await get('/echo.wasm', { method: 'POST', body });
    expect([posted.status, posted.link]).toEqual([200, 'x-link']);
    expect(posted.text.endsWith(body)).toBe(true);
    const head = await get('/relayed/hello.txt', { method: 'HEAD' });
    expect(head).toEqual({ status: 200, text: '', link: 'x-link' });
  });

  test.each(['silent', 'twice', 'traps', 'missing', 'refused'])(
    'a link that is %s shows nothing of what is behind it',
    async (place) => {
      const { status, text } = await get(`/${place}/k.txt`);
      expect(text).not.toContain('secret');
      if (place === 'twice') expect(text === 'once' || status >= 500).toBe(true);
      else expect(status).toBeGreaterThanOrEqual(500);
    },
  );

  test('a refused link is told with its path', async () => {
    const { text } = await get('/refused/k.txt');
    expect(text).toMatch(/^links\/[\w-]+\.wasm, a link before this path: Cannot /);
  });

  test('links that send requests to each other are passed once each', async () => {
    expect(await get('/round/x')).toMatchObject({ status: 404, link: 'x-link' });
  });

  test('a link may send on what its steps allow, and no more', async () => {
    // With the run of the link and the request that is answered these are 32, and 33.
    expect(await get('/often/k.txt')).toMatchObject({ status: 200, text: 'a secret' });
    expect(await get('/too-often/k.txt')).toMatchObject({ status: 500 });
  });

  test('a path may have as many links before it as a request has steps', async () => {
    expect(await get('/many/k')).toMatchObject({ status: 200, text: 'behind 32' });
    const { status, text } = await get('/too-many/k');
    expect([status, text.includes('secret')]).toEqual([508, false]);
    expect(await get('/too-many/x')).toMatchObject({ status: 401 });
  });

  test('a link answers nobody who asks for it', async () => {
    expect(await get('/links/guard.wasm/k')).toMatchObject({ status: 404 });
    expect(await get('/links/relay.wasm')).toMatchObject({ status: 404 });
  });

  test('many at once do not wait for each other without end', async () => {
    const all = await Promise.all(Array.from({ length: 100 }, () => get('/both/k')));
    expect(all.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
    expect(all.every(({ status }) => status === 200 || status === 503)).toBe(true);
  });
});
