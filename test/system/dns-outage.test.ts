import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { guestBytes, TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

describe('while names cannot be looked up', () => {
  const mount = new TestFolder();
  let dns: DnsServer;

  beforeAll(async () => {
    dns = await startDnsServer({
      '_keybase_pages.good.example': { txt: ['kbp=/keybase/public/good'], ttlS: 0 },
      '_keybase_pages.silent.example': { isSilent: true },
      '_keybasepages.silent.example': { isSilent: true },
    });
    mkdirSync(mount.path('public/good'), { recursive: true });
    writeFileSync(mount.path('public/good/hello.wasm'), guestBytes('hello'));
  });

  afterAll(async () => {
    await dns.close();
    mount[Symbol.dispose]();
  });

  test('serves known names at the cap of lookups, from what was last seen of them', async () => {
    await using daemon = await TestDaemon.start({
      args: ['--mount', `/keybase=${mount.directory}`, '--dns', `${dns.host}:${dns.port}`],
      env: {
        TERRAFIRMA_LIMITS_DNS_IN_FLIGHT_MAX: '1',
        TERRAFIRMA_LIMITS_DNS_TTL_FLOOR_MS: '0',
        TERRAFIRMA_LIMITS_DNS_TIMEOUT_MS: '20000',
        TERRAFIRMA_LIMITS_VERDICT_WAIT_MS: '60000',
      },
    });
    const status = async (host: string): Promise<number> =>
      (await ask(daemon.port, '/hello.wasm', { host })).status;
    expect(await status('good.example')).toBe(200);
    const held = ask(daemon.port, '/hello.wasm', { host: 'silent.example' }).catch(() => 'cut');
    await waitFor(() => dns.queries.find((query) => query.includes('silent.example')));
    expect(await status('unknown.example')).toBe(503);
    expect(await status('good.example')).toBe(200);
    await daemon.stop('SIGKILL');
    await held;
  });

  test('lets one client wait for so many names, and others for theirs', async () => {
    await using daemon = await TestDaemon.start({
      args: ['--mount', `/keybase=${mount.directory}`, '--dns', `${dns.host}:${dns.port}`],
      env: {
        TERRAFIRMA_LIMITS_DNS_IN_FLIGHT_PER_CLIENT_MAX: '1',
        TERRAFIRMA_LIMITS_DNS_TIMEOUT_MS: '60000',
        TERRAFIRMA_LIMITS_VERDICT_WAIT_MS: '120000',
      },
    });
    const before = dns.queries.length;
    const held = ask(daemon.port, '/', { host: 'silent.example' }).catch(() => 'cut');
    await waitFor(() => dns.queries.slice(before).find((query) => query.includes('silent')));
    const refused = await ask(daemon.port, '/hello.wasm', { host: 'good.example' });
    expect(refused.status).toBe(503);
    expect(refused.text).toContain('at most 1 at a time for one client');
    const localAddress = '127.0.0.2';
    const other = await ask(daemon.port, '/hello.wasm', { host: 'good.example', localAddress });
    expect(other.text).toBe('hello\n');
    await daemon.stop('SIGKILL');
    await held;
  });

  test('answers 504 before the wait for a verdict ends when every server is silent', async () => {
    const silent = [createSocket('udp4'), createSocket('udp4')];
    for (const socket of silent) {
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
    }
    await using daemon = await TestDaemon.start({
      args: [
        ...['--mount', `/keybase=${mount.directory}`],
        ...silent.flatMap((socket) => ['--dns', `127.0.0.1:${socket.address().port}`]),
      ],
      env: { TERRAFIRMA_LIMITS_VERDICT_WAIT_MS: '2000' },
    });
    const reply = await ask(daemon.port, '/hello.wasm', { host: 'any.example' });
    for (const socket of silent) socket.close();
    expect([reply.status, reply.text]).toEqual([504, expect.stringContaining('DNS server')]);
  });
});
