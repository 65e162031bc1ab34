/** A real FUSE mount in which reads of one file hang; skips where FUSE cannot be mounted. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { FuseMount } from '../support/fuse.ts';
import { ask } from '../support/http.ts';

const FILES = {
  'public/alice/index.html': 'Alice',
  'public/mallory/stuck.txt': 'stuck',
  'public/mallory/page.txt': 'page',
};
const STUCK = 'public/mallory/stuck.txt';
const TIMEOUT_MS = 500;

describe('a file that hangs', () => {
  let scratch: string;
  let mount: FuseMount;
  let dns: DnsServer;
  let daemon: TestDaemon | undefined;

  beforeEach(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'terrafirma-fuse-'));
    mount = new FuseMount(join(scratch, 'mount'));
    dns = await startDnsServer({
      '_keybase_pages.alice.example': { txt: ['kbp=/keybase/public/alice'] },
      '_keybase_pages.mallory.example': { txt: ['kbp=/keybase/public/mallory'] },
    });
  });
  afterEach(async () => {
    // A process does not end while one of its calls hangs, not even by SIGKILL.
    await mount[Symbol.asyncDispose]();
    await daemon?.[Symbol.asyncDispose]();
    await dns.close();
    rmSync(scratch, { recursive: true });
  });

  const start = () =>
    TestDaemon.start({
      args: ['--mount', `/keybase=${mount.directory}`, '--dns', `${dns.host}:${dns.port}`],
      env: { TERRAFIRMA_LIMITS_FILE_OPERATION_TIMEOUT_MS: String(TIMEOUT_MS) },
    });
  const get = async (owner: string, path: string): Promise<string> => {
    const reply = await ask(daemon?.port ?? 0, path, { host: `${owner}.example` });
    return reply.status === 200 ? reply.text : String(reply.status);
  };
  const mountOrSkip = async (skip: (note: string) => void, hanging: readonly string[]) => {
    if (!(await mount.mount(FILES, hanging))) skip('FUSE cannot be mounted here');
  };

  test('costs its own requests alone; a mount that is mounted anew is used', async (context) => {
    await mountOrSkip(context.skip, [STUCK]);
    daemon = await start();
    expect(await get('alice', '/')).toBe('Alice');
    expect(await get('mallory', '/page.txt')).toBe('page');

    const asked = Array.from({ length: 40 }, () => get('mallory', '/stuck.txt'));
    let isOver = false;
    const refused = Promise.all(asked).finally(() => {
      isOver = true;
    });
    do {
      expect(await get('alice', '/')).toBe('Alice');
    } while (!isOver);
    expect(new Set(await refused)).toEqual(new Set(['503']));
    // The rest of that folder goes on, too, and so it stays while the file hangs.
    await waitFor(async () => (await get('mallory', '/page.txt')) === 'page' || undefined);
    expect(await get('mallory', '/stuck.txt')).toBe('503');
    expect(await get('alice', '/')).toBe('Alice');

    mount.detach();
    await mountOrSkip(context.skip, []);
    await waitFor(async () => (await get('mallory', '/stuck.txt')) === 'stuck' || undefined);
    expect(await get('alice', '/')).toBe('Alice');
    await mount.release();
    expect((await daemon.stop('SIGTERM')).code).toBe(0);
  });
});
