/** What operators see of several nodes: asked of a real daemon, and in a browser. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { askAdmin, changeAdmin, socketOf } from '../support/admin.ts';
import { chromiumPath, complaintsOf, startBrowser } from '../support/browser.ts';
import { waitFor } from '../support/daemon.ts';
import { natsProgram } from '../support/nats-servers.ts';
import { ClusterWorld, type Node } from './world.ts';

const pictures = process.env.SCREENSHOTS;

describe.skipIf(natsProgram === undefined)('operators (skipped without NATS_SERVER)', () => {
  test('see the nodes that are there, and how the store does', { timeout: 300_000 }, async () => {
    await using world = await ClusterWorld.open({ servers: 1, nodes: 2 });
    const [one] = world.nodes;
    if (one === undefined) throw new Error('there must be a node');
    await waitFor(async () => {
      const { status } = await world.ask(one, '/kv.wasm/upsert?visits=1');
      return status === 200 ? true : undefined;
    });
    const cluster = await waitFor(async () => {
      const { json } = await askAdmin(socketOf(one.daemon), '/v1/cluster');
      return json.cluster.nodes.length === 2 ? json.cluster : undefined;
    });
    expect(cluster).toMatchObject({ node: 'node-1', state: 'ready', reason: null });
    expect(cluster.nodes).toEqual([
      { node: 'node-1', startedAt: expect.any(String), isThis: true },
      { node: 'node-2', startedAt: expect.any(String), isThis: false },
    ]);
    expect(cluster.writes.done).toBeGreaterThan(0);
    const control = cluster.streams.find((each: { stream: string }) => each.stream.endsWith('CTL'));
    expect(control).toMatchObject({ keys: expect.any(Number), wholeCopies: 1, late: [] });
    expect(cluster.streams.length).toBeGreaterThan(2);
    if (chromiumPath !== undefined) await lookAt(one);

    // What this node knows by itself is told without the servers.
    await world.servers.signal(0, 'SIGKILL');
    const alone = await waitFor(async () => {
      const { json } = await askAdmin(socketOf(one.daemon), '/v1/cluster');
      return json.cluster.state === 'waiting' ? json.cluster : undefined;
    });
    expect(alone).toMatchObject({ node: 'node-1', connectionsLost: expect.any(Number) });
  });
});

async function lookAt({ daemon }: Node): Promise<void> {
  const { json } = await changeAdmin(socketOf(daemon), 'POST', '/v1/dashboard', {});
  const browser = await startBrowser();
  try {
    const page = await browser.newPage();
    const complaints = complaintsOf(page);
    await page.goto(json.url);
    await page.waitForSelector('main h1');
    await page.goto(`${new URL(json.url).origin}/#/daemon`);
    await page.waitForSelector('text=this one');
    expect(complaints).toEqual([]);
    if (pictures === undefined) return;
    mkdirSync(pictures, { recursive: true });
    writeFileSync(join(pictures, 'cluster.png'), await page.screenshot({ fullPage: true }));
  } finally {
    await browser.close();
  }
}
