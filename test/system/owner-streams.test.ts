/** What one owner has of the dashboard's streams leaves others theirs. */
import { mkdirSync, writeFileSync } from 'node:fs';
import type { ClientRequest } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { waitFor } from '../support/daemon.ts';
import { type Browser, openBrowser } from '../support/panel-browser.ts';
import { SecureWorld } from '../support/secure-daemon.ts';

const panel = 'panel.test';
const BROWSERS = 10;
const STREAMS_EACH = 4;
/** Of `limits.admin_streams_max` as many as are left for others, and one. */
const SHARE = 33;

let lastAddress = 0;
/** Each has an address of its own. */
function nextAddress(): string {
  lastAddress += 1;
  return `127.0.1.${lastAddress}`;
}

async function signIn(world: SecureWorld, name: string): Promise<Browser> {
  const visitor = openBrowser({
    ...{ serverName: panel, ca: world.ca, localAddress: nextAddress() },
    port: () => world.tlsPort,
  });
  const folder = `/keybase/public/${name}`;
  const { json } = await visitor.change('POST', '/v1/sign-in', { site: folder });
  const directory = join(world.mount.path(`public/${name}`), '.terrafirma', 'sign-in');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, json.code), '');
  await waitFor(async () => {
    const { state } = (await visitor.get('/v1/sign-in')).json;
    return state === 'signed-in' ? true : undefined;
  });
  return visitor;
}

/** The status; where it is 200 the stream stays open. */
function openStream(world: SecureWorld, visitor: Browser, open: ClientRequest[]): Promise<number> {
  const outgoing = request({
    ...{ host: '127.0.0.1', port: world.tlsPort, path: '/v1/events?topics=log' },
    ...{ servername: panel, ca: world.ca, agent: false, localAddress: nextAddress() },
    headers: {
      ...{ host: panel, accept: 'text/event-stream' },
      cookie: `__Host-tf=${visitor.cookies.get('__Host-tf')}`,
    },
  });
  open.push(outgoing);
  return new Promise((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      incoming.on('error', () => incoming.destroy());
      if (incoming.statusCode !== 200) incoming.resume();
      resolve(incoming.statusCode ?? 0);
    });
    outgoing.end();
  });
}

test.skipIf(process.platform !== 'linux')(
  'an owner in many browsers leaves streams for others (skipped but on Linux)',
  async () => {
    await using world = await SecureWorld.prepare();
    world.putFolder('public/bob');
    world.dns.table.set(panel, { a: ['127.0.0.1'] });
    const env = {
      TERRAFIRMA_DASHBOARD_HOST_NAME: panel,
      TERRAFIRMA_LIMITS_CERTIFICATE_WAIT_MS: '120000',
      TERRAFIRMA_LIMITS_HEADER_TIMEOUT_MS: '120000',
    };
    await world.startDaemon({ env });
    const browsers = await Promise.all(
      Array.from({ length: BROWSERS }, () => signIn(world, 'bob')),
    );
    const alice = await signIn(world, 'alice');
    const open: ClientRequest[] = [];
    const statuses: number[] = [];
    for (const visitor of browsers) {
      for (let count = 0; count < STREAMS_EACH; count += 1) {
        statuses.push(await openStream(world, visitor, open));
      }
    }
    expect(statuses.filter((status) => status === 200)).toHaveLength(SHARE);
    expect(new Set(statuses)).toEqual(new Set([200, 503]));
    expect(await openStream(world, alice, open)).toBe(200);
    for (const outgoing of open) outgoing.destroy();
  },
);
