/** Other spellings of a path that has links, and other names of what answers it. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { answer, httpGuest } from '../support/component-guests.ts';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask, sendRaw } from '../support/http.ts';
import { guard, relayLink } from '../support/link-guests.ts';

/** Answers its path. */
const readsPath = httpGuest(`${answer} (func (export "handle") (param i32 i32)
  (call $path (local.get 0) (i32.const 512))
  (call $answer (local.get 1) (i32.load (i32.const 516)) (i32.load (i32.const 520))))`);

const guarded = (path: string): string =>
  `[[middleware]]\nfor = "${path}"\nuse = ["links/guard.wasm"]\n`;

const pages = ['/pages/index.html', '/home', '/plain'];
const settings = `
${['/admin/*', '/app.wasm/admin/*', '/api/*', ...pages].map(guarded).join('')}
${guarded('/named.wasm/*')}
[[middleware]]
for = "/relayed.wasm/*"
use = ["links/relay.wasm"]

[site]
versions_public = true
clean_urls = true

[[routes]]
path = "/api/*"
module = "api.wasm"
`;

const closed = {
  version: 'v1',
  per_path_configs: {
    '/': { anonymous_permissions: 'read' },
    '/closed': { anonymous_permissions: '' },
  },
};

describe('ways round middleware', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  /** Sent as it stands: clients tidy paths up. */
  const statusOf = async (target: string): Promise<number> => {
    const head = `GET ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`;
    return Number((await sendRaw(daemon.port, head)).split(' ')[1]);
  };

  beforeAll(async () => {
    folder.write('.kbp_config', JSON.stringify(closed));
    folder.write('terrafirma.toml', settings);
    folder.write('links/guard.wasm', guard);
    folder.write('links/relay.wasm', relayLink);
    const modules = ['app.wasm', 'api.wasm', 'index.wasm', 'shop/index.wasm', 'relayed.wasm'];
    for (const name of modules) folder.write(name, readsPath);
    folder.write('relayed/hello.txt', 'hello');
    folder.write('named.wasm', readsPath);
    for (const name of ['pages/index.html', 'home/index.html', 'home/other.html', 'plain.html']) {
      folder.write(name, 'a page');
    }
    daemon = await TestDaemon.start({ args: [folder.directory] });
    await waitFor(async () => {
      const paths = ['/app.wasm', '/admin/k', '/api/k', '/shop/', '/relayed.wasm', '/named.wasm/k'];
      const all = await Promise.all(paths.map((path) => ask(daemon.port, path)));
      return all.every(({ status }) => status === 200) ? true : undefined;
    }, 100_000);
  }, 120_000);

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  test.each([
    ...['/app.wasm//admin/x', '/app.wasm/./admin/x', '/app.wasm/q/../admin/x'],
    ...['/app.wasm/%2e/admin/x', '/app.wasm/admin%2fx', '/app.wasm/q%2f..%2fadmin'],
    ...['/app.wasm/Admin/x', '/Admin/x', '/aDMIN'],
  ])('the link stands before %s', async (target) => {
    expect(await statusOf(target)).toBe(401);
  });

  test.each([
    ...['/index.wasm/admin/x', '/index.wasm//admin/x', '/index.wasm/q/../admin/x'],
    ...['/api.wasm/api/x', '/api.wasm/x', '/api.wasm/./api/x', '/api.wasm//API/x'],
  ])('nobody has a module answer for a guarded path by its own name: %s', async (target) => {
    // As where there is none: the root's index.wasm answers, and sees all of the path.
    expect((await ask(daemon.port, target)).text).toBe(target);
  });

  test.each([
    ...['/pages/', '/pages/index.html', '/Pages/Index.html', '/pages/index', '/pages/?x'],
    ...['/home/', '/home', '/home/index.html', '/home/INDEX.html', '/home/index'],
    ...['/plain', '/plain.html', '/PLAIN.HTML', '/plain.html?x'],
  ])(
    'a directory and its page, a page and its clean name have the links of both: %s',
    async (target) => {
      const head = `GET ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`;
      const told = await sendRaw(daemon.port, head);
      expect(told).toMatch(/^HTTP\/1\.1 \d/);
      // The module at the top answers what is not there.
      expect(told).not.toContain('a page');
    },
  );

  test('what lies beside the page has no links of the directory alone', async () => {
    const { status, text } = await ask(daemon.port, '/home/other.html');
    expect([status, text]).toEqual([200, 'a page']);
  });

  test('the address of a version has the links of its module', async () => {
    const digest = createHash('sha256').update(readsPath).digest('hex');
    expect(await statusOf(`/named.wasm@${digest.slice(0, 12)}/x`)).toBe(401);
    expect(await statusOf(`/named.wasm@${digest.slice(0, 12)}/k`)).toBe(200);
    expect(await statusOf(`/app.wasm@${digest.slice(0, 12)}/admin/x`)).toBe(401);
  });

  test.each(['http://a/admin/x', 'http://b:80/admin/x', 'HTTP://a/admin/x', 'http://a//admin/x'])(
    'a target with a host name has the links of its path: %s',
    async (target) => {
      const told = await sendRaw(
        daemon.port,
        `GET ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
      );
      expect(told).not.toMatch(/^HTTP\/1\.1 200/);
    },
  );

  test('where nothing stands before the path a module answers by its own name', async () => {
    const paths = ['/app.wasm/other', '/index.wasm/other', '/shop/index.wasm/admin/x', '/api/k'];
    const all = await Promise.all(paths.map((path) => ask(daemon.port, path)));
    expect(all.map(({ text }) => text)).toEqual(['/other', '/other', '/admin/x', '/api/k']);
  });

  test('who may not read a path has nobody answer for it by another name', async () => {
    for (const path of ['/closed', '/index.wasm/closed', '/index.wasm//closed/x']) {
      expect(await statusOf(path)).toBe(403);
    }
  });

  test('what a link sends on has the path that it was given', async () => {
    const head = 'GET /relayed.wasm/../relayed/hello.txt HTTP/1.1\r\nhost: a\r\n';
    const told = await sendRaw(daemon.port, `${head}connection: close\r\n\r\n`);
    expect(told).toContain('/../relayed/hello.txt');
  });
});
