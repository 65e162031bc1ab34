import { renameSync, symlinkSync } from 'node:fs';
import { Agent } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { guestBytes, TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

const CLIENTS = 50;
const OVERWRITES = 20;
const V1 = 'version 1\n';
const V2 = 'version 2\n';

describe('deploying by overwriting a file', () => {
  const folder = new TestFolder();
  let daemon: TestDaemon;

  beforeAll(async () => {
    folder.put('v1', 'app.wasm');
    daemon = await TestDaemon.start({
      args: [folder.directory, '--quiet-ms', '50', '--poll-ms', '200'],
    });
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const bodyOf = async (path: string): Promise<string> => (await ask(daemon.port, path)).text;

  const waitForBody = (path: string, body: string): Promise<true> =>
    waitFor(async () => ((await bodyOf(path)) === body ? true : undefined));

  test('answers each request with exactly one good version while it is overwritten', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
    let isDone = false;
    let answers = 0;
    const surprises: string[] = [];
    const client = async (): Promise<void> => {
      while (!isDone) {
        try {
          const { status, text } = await ask(daemon.port, '/app.wasm', { agent });
          answers += 1;
          if (status !== 200 || (text !== V1 && text !== V2)) surprises.push(`${status} ${text}`);
        } catch (error) {
          surprises.push(String(error));
        }
      }
    };
    const clients = Array.from({ length: CLIENTS }, client);
    const good = [guestBytes('v2'), guestBytes('v1')];
    for (let round = 0; round < OVERWRITES; round += 1) {
      const bytes = good[round % 2] ?? new Uint8Array();
      if (round % 5 === 3) folder.write('app.wasm', bytes.subarray(0, bytes.length >> 1));
      else if (round % 5 === 4) folder.write('app.wasm', 'this is not a module at all');
      else if (round % 2 === 0) folder.write('app.wasm', bytes);
      else folder.replace('app.wasm', bytes);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    folder.write('app.wasm', guestBytes('v2'));
    await waitForBody('/app.wasm', V2);
    isDone = true;
    await Promise.all(clients);
    agent.destroy();
    expect(surprises).toEqual([]);
    expect(answers).toBeGreaterThan(CLIENTS);
  });

  test('adds, renames and removes', async () => {
    expect((await ask(daemon.port, '/new.wasm')).status).toBe(404);
    folder.put('v1', 'new.wasm');
    await waitForBody('/new.wasm', V1);
    folder.replace('renamed.wasm', guestBytes('v1'));
    folder.remove('new.wasm');
    await waitForBody('/renamed.wasm', V1);
    await waitFor(async () =>
      (await ask(daemon.port, '/new.wasm')).status === 404 ? true : undefined,
    );
  });

  test('waits for the verdict on a module that has just been copied', async () => {
    folder.put('v2', 'fresh.wasm');
    const reply = await ask(daemon.port, '/fresh.wasm');
    expect([reply.status, reply.text]).toEqual([200, V2]);
  });

  test('keeps the last good version when the new file is broken, and says why', async () => {
    folder.put('v1', 'kept.wasm');
    await waitForBody('/kept.wasm', V1);
    folder.write('kept.wasm', 'broken now');
    const line = await daemon.waitForLog(
      ({ modulePath, msg }) => modulePath === 'kept.wasm' && /refused/.test(msg),
    );
    expect(JSON.stringify(line)).toMatch(/Cannot/);
    expect(await bodyOf('/kept.wasm')).toBe(V1);
  });

  test('answers 502 with the reason for a module that never had a good version', async () => {
    folder.put('imports-unknown');
    const reply = await ask(daemon.port, '/imports-unknown.wasm');
    expect(reply.status).toBe(502);
    expect(reply.text).toMatch(/"env" "nope"/);
    expect(reply.text).toMatch(/"wasi" "x"/);
  });

  test('serves the last good version at once after a restart on a broken file', async () => {
    folder.put('v2', 'restart.wasm');
    await waitForBody('/restart.wasm', V2);
    await daemon.stop('SIGKILL');
    folder.write('restart.wasm', guestBytes('v2').subarray(0, 40));
    const { stateDirectory } = daemon;
    const next = await TestDaemon.start({ args: [folder.directory], stateDirectory });
    try {
      const reply = await ask(next.port, '/restart.wasm');
      expect([reply.status, reply.text]).toEqual([200, V2]);
    } finally {
      await next[Symbol.asyncDispose]();
    }
  });
});

describe('deploying by swapping a link on the way to the folder', () => {
  const scratch = new TestFolder();
  let dns: DnsServer;

  beforeAll(async () => {
    dns = await startDnsServer({
      '_keybase_pages.a.example': { txt: ['kbp=/keybase/public/a/www'] },
    });
    for (const [release, guest] of [
      ['1', 'v1'],
      ['2', 'v2'],
    ] as const) {
      scratch.put(guest, `public/a/releases/${release}/site/app.wasm`);
      scratch.write(`public/a/releases/${release}/site/page.html`, `page ${release}`);
    }
    symlinkSync('current/site', scratch.path('public/a/www'));
  });
  afterAll(async () => {
    await dns.close();
    scratch[Symbol.dispose]();
  });

  const swap = (release: string): void => {
    symlinkSync(`releases/${release}`, scratch.path('public/a/next'));
    renameSync(scratch.path('public/a/next'), scratch.path('public/a/current'));
  };

  test.each([
    ['folder mode', () => [scratch.path('public/a/www')]],
    [
      'mount mode',
      () => ['--mount', `/keybase=${scratch.directory}`, '--dns', `${dns.host}:${dns.port}`],
    ],
  ] as const)('serves the new release in %s', async (_, place) => {
    swap('1');
    const timing = ['--quiet-ms', '50', '--poll-ms', '200'];
    await using daemon = await TestDaemon.start({ args: [...place(), ...timing] });
    const served = async (): Promise<string> => {
      const host = 'a.example';
      const module = await ask(daemon.port, '/app.wasm', { host });
      return module.text + (await ask(daemon.port, '/page.html', { host })).text;
    };
    await waitFor(async () => (await served()) === `${V1}page 1` || undefined);
    swap('2');
    await waitFor(async () => (await served()) === `${V2}page 2` || undefined);
    swap('1');
    await waitFor(async () => (await served()) === `${V1}page 1` || undefined);
  });
});
