import { mkdirSync, renameSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { guestBytes, TestFolder } from '../support/folder.ts';
import { ask, sendRaw, statusOf } from '../support/http.ts';

const FOLDER = 'private/alice,kbwasm';

describe('serve --mount', () => {
  const mount = new TestFolder();
  const other = new TestFolder();
  let dns: DnsServer;
  let daemon: TestDaemon;

  beforeAll(async () => {
    dns = await startDnsServer({
      '_keybase_pages.example.com': { txt: ['v=spf1 -all', 'kbp=/keybase/private/alice,kbwasm/'] },
      '_keybasepages.old.example': { txt: ['kbp=/keybase/private/alice,kbwasm'] },
      '_keybase_pages.parts.example': { txt: [['kbp=/keybase/pri', 'vate/alice,kbwasm/sub']] },
      '_keybase_pages.swapped.example': { txt: ['kbp=/keybase/private/KBWASM,Alice/'] },
      '_keybase_pages.team.example': { txt: ['kbp=/keybase/team/acme'] },
      '_keybase_pages.link.example': { txt: ['kbp=/keybase/private/eve,kbwasm/out'] },
      '_keybase_pages.closed.example': { txt: ['kbp=/keybase/private/carol,kbwasm'] },
      '_keybase_pages.consents.example': { txt: ['kbp=/keybase/private/erin,kbwasm'] },
      '_keybase_pages.mallory.example': { txt: ['kbp=/keybase/private/erin,kbwasm/lib'] },
      '_keybase_pages.nobot.example': { txt: ['kbp=/keybase/private/alice,bob'] },
      '_keybase_pages.long.example': {
        txt: [
          'kbp=/keybase/public/dave',
          ...Array.from({ length: 40 }, (_, n) => `${n}`.repeat(99)),
        ],
        isTruncated: true,
      },
    });
    for (const folder of [FOLDER, `${FOLDER}/sub`, 'public/dave', 'private/carol,kbwasm']) {
      mkdirSync(mount.path(folder), { recursive: true });
      writeFileSync(mount.path(`${folder}/hello.wasm`), guestBytes('hello'));
    }
    mkdirSync(mount.path('private/alice,bob'));
    writeFileSync(mount.path('private/alice,bob/hello.wasm'), guestBytes('hello'));
    writeFileSync(
      mount.path('private/carol,kbwasm/.kbp_config'),
      '{"version":"v1","per_path_configs":{}}',
    );
    mkdirSync(mount.path('private/erin,kbwasm/lib'), { recursive: true });
    writeFileSync(mount.path('private/erin,kbwasm/lib/app.py'), 'secret');
    writeFileSync(
      mount.path('private/erin,kbwasm/terrafirma.toml'),
      'host_names = ["consents.example"]\nprivate = ["/lib/*"]\n',
    );
    mkdirSync(mount.path('private/eve,kbwasm'));
    symlinkSync(mount.path(FOLDER), mount.path('private/eve,kbwasm/out'));
    symlinkSync(mount.path(`${FOLDER}/secret.txt`), mount.path(`${FOLDER}/sub/link.txt`));
    writeFileSync(mount.path(`${FOLDER}/secret.txt`), 'secret');
    mkdirSync(other.path('acme'), { recursive: true });
    writeFileSync(other.path('acme/hello.wasm'), guestBytes('v2'));
    daemon = await TestDaemon.start({ args: daemonArgs() });
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await dns.close();
    mount[Symbol.dispose]();
    other[Symbol.dispose]();
  });

  const daemonArgs = (): string[] => [
    ...['--mount', `/keybase=${mount.directory}`],
    ...['--mount', `/keybase/team=${other.directory}`],
    ...['--dns', `${dns.host}:${dns.port}`, '--bot-user', 'kbwasm'],
  ];

  const status = async (host: string, path = '/hello.wasm'): Promise<number> =>
    (await ask(daemon.port, path, { host })).status;

  test('no record for a directory inside passes by what its folder says', async () => {
    expect(await status('consents.example', '/lib/app.py')).toBe(404);
    const reply = await ask(daemon.port, '/app.py', { host: 'mallory.example' });
    expect([reply.status, reply.text.includes('secret')]).toEqual([403, false]);
  });

  test('runs the module of the folder that the record names', async () => {
    const reply = await ask(daemon.port, '/hello.wasm', { host: 'example.com' });
    expect([reply.status, reply.text]).toEqual([200, 'hello\n']);
  });

  test('takes one host name in all its spellings, and asks for it once', async () => {
    for (const host of ['EXAMPLE.com', 'example.com.', 'example.com:8080', 'Example.COM.:80']) {
      expect([host, await status(host)]).toEqual([host, 200]);
    }
    expect(dns.count('TXT _keybase_pages.example.com')).toBe(1);
  });

  test('tries the second record name only when the first one fails', async () => {
    expect(await status('old.example')).toBe(200);
    expect(dns.count('TXT _keybasepages.example.com')).toBe(0);
  });

  test('joins the strings of a record, finds folders by their sets of users', async () => {
    expect(await status('parts.example')).toBe(200);
    expect(await status('swapped.example')).toBe(200);
  });

  test('prefers the longer mount prefix', async () => {
    const reply = await ask(daemon.port, '/hello.wasm', { host: 'team.example' });
    expect(reply.text).toBe('version 2\n');
  });

  test('asks over TCP when the answer was truncated', async () => {
    expect(await status('long.example')).toBe(200);
    expect(dns.count('tcp:TXT _keybase_pages.long.example')).toBe(1);
  });

  test('lets the authority of an absolute target win', async () => {
    const raw = await sendRaw(
      daemon.port,
      'GET http://example.com/hello.wasm HTTP/1.1\r\nHost: unknown.example\r\n' +
        'Connection: close\r\n\r\n',
    );
    expect(statusOf(raw)).toBe(200);
  });

  test('takes a host name in raw UTF-8 for its punycode', async () => {
    const record = { txt: ['kbp=/keybase/private/alice,kbwasm'] };
    dns.table.set('_keybase_pages.xn--bcher-kva.example', record);
    const bytes = (host: string): Buffer =>
      Buffer.from(`GET /hello.wasm HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(statusOf(await sendRaw(daemon.port, bytes('bücher.example')))).toBe(200);
    const latin1 = Buffer.from(bytes('bücher.example').toString('utf8'), 'latin1');
    expect(statusOf(await sendRaw(daemon.port, latin1))).toBe(400);
  });

  test('serves nothing outside the folder, by symbolic link or otherwise', async () => {
    expect(await status('link.example')).toBe(404);
    expect(await status('parts.example', '/link.txt')).toBe(404);
    expect(await status('parts.example', '/../secret.txt')).toBe(400);
    expect(await status('parts.example', '/%2e%2e/secret.txt')).toBe(400);
    expect(await status('example.com', '/secret.txt')).toBe(200);
  });

  test('refuses folders that do not allow it', async () => {
    expect(await status('closed.example')).toBe(403);
    expect(await status('nobot.example')).toBe(404);
  });

  test('says which record to set where there is none', async () => {
    const reply = await ask(daemon.port, '/hello.wasm', { host: 'nobody.example' });
    expect(reply.status).toBe(503);
    expect(reply.text).toContain('_keybase_pages.nobody.example');
    expect(reply.text).toContain('kbp=');
  });

  test('follows a record that changes', async () => {
    const host = 'moving.example';
    dns.table.set(`_keybase_pages.${host}`, { txt: ['kbp=/keybase/public/dave'], ttlS: 1 });
    expect(await status(host)).toBe(200);
    dns.table.set(`_keybase_pages.${host}`, { txt: ['kbp=/keybase/team/acme'], ttlS: 1 });
    await waitFor(async () => {
      const reply = await ask(daemon.port, '/hello.wasm', { host });
      return reply.text === 'version 2\n' ? reply : undefined;
    });
  });

  test('keeps serving the last good site while the mount is away', async () => {
    const away = `${mount.directory}-away`;
    renameSync(mount.directory, away);
    try {
      await daemon.waitForLog(({ msg }) => msg.startsWith('folder cannot be reached'));
      expect(await status('example.com')).toBe(200);
      // A daemon that starts now knows the folder only from its state directory.
      await daemon.stop('SIGTERM');
      const { stateDirectory } = daemon;
      await using next = await TestDaemon.start({ args: daemonArgs(), stateDirectory });
      const reply = await ask(next.port, '/hello.wasm', { host: 'example.com' });
      expect([reply.status, reply.text]).toEqual([200, 'hello\n']);
      expect((await ask(next.port, '/', { host: 'team.example' })).status).toBe(404);
    } finally {
      renameSync(away, mount.directory);
    }
  });

  test.each(['with nothing in its place', 'with an empty directory in its place'])(
    'says 503, never 404, of what was not kept while the mount is away %s',
    async (how) => {
      using synced = new TestFolder();
      dns.table.set('_keybase_pages.kept.example', { txt: ['kbp=/keybase/public/kept'] });
      synced.write('public/kept/hello.wasm', guestBytes('hello'));
      synced.write('public/kept/who.txt', 'alice');
      synced.write('public/kept/app/index.wasm', guestBytes('hello'));
      const args = ['--mount', `/keybase=${synced.directory}`, '--dns', `${dns.host}:${dns.port}`];
      await using first = await TestDaemon.start({ args });
      const expectKeptAlone = async ({ port }: TestDaemon): Promise<void> => {
        const get = (path: string) => ask(port, path, { host: 'kept.example' });
        expect((await get('/hello.wasm')).text).toBe('hello\n');
        expect((await get('/app/')).text).toBe('hello\n');
        for (const path of ['/who.txt', '/never.txt', '/never.wasm', '/never/']) {
          const reply = await get(path);
          expect([path, reply.status]).toEqual([path, 503]);
          expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0);
        }
      };
      const get = (path: string) => ask(first.port, path, { host: 'kept.example' });
      for (const path of ['/hello.wasm', '/who.txt', '/app/']) {
        expect((await get(path)).status).toBe(200);
      }
      for (const path of ['/never.txt', '/never2.wasm']) expect((await get(path)).status).toBe(404);
      const away = `${synced.directory}-away`;
      renameSync(synced.directory, away);
      if (how.includes('empty')) mkdirSync(synced.directory);
      try {
        await expectKeptAlone(first);
        await first.waitForLog(({ msg }) => msg.startsWith('folder cannot be reached'));
        await expectKeptAlone(first);
        await first.stop('SIGTERM');
        const { stateDirectory } = first;
        await using next = await TestDaemon.start({ args, stateDirectory });
        await expectKeptAlone(next);
      } finally {
        if (how.includes('empty')) rmdirSync(synced.directory);
        renameSync(away, synced.directory);
      }
    },
  );
});
