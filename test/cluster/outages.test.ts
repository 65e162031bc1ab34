/** What visitors see while servers of the engine are dead, frozen, stopped, or emptied. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../support/daemon.ts';
import { natsProgram } from '../support/nats-servers.ts';
import { ClusterWorld, folder, type Node } from './world.ts';

const program = join(import.meta.dirname, '../../src/main.ts');
const patient = { timeout: 60_000 };

describe.skipIf(natsProgram === undefined)('an engine that is away', () => {
  let world: ClusterWorld;

  beforeAll(async () => {
    world = await ClusterWorld.open({ nodes: 2, waitMs: 3_000 });
    writeFileSync(world.node(0).mount.path(`${folder}/page.txt`), 'page');
    // What was published once is kept.
    for (const node of world.nodes) {
      for (const path of ['/hello.wasm', '/kv.wasm/insert?again=1']) {
        await waitFor(async () =>
          (await world.ask(node, path)).status === 200 ? true : undefined,
        );
      }
    }
  });

  afterAll(() => world?.[Symbol.asyncDispose]());

  async function storesAgain(node: Node): Promise<void> {
    await expect
      .poll(async () => (await world.ask(node, '/kv.wasm/insert?again=1')).status, patient)
      .toBe(200);
  }

  test('two of three frozen: writes are 503 with Retry-After, files go on', async () => {
    const node = world.node(0);
    await storesAgain(node);
    expect((await world.ask(node, '/page.txt')).status).toBe(200);
    await expect.poll(async () => (await world.ask(node, '/hello.wasm')).status, patient).toBe(200);
    await world.servers.signal(0, 'SIGSTOP');
    await world.servers.signal(1, 'SIGSTOP');
    // The first ones wait for an election that may come; then nobody waits any more.
    await expect
      .poll(async () => {
        const { headers, status } = await world.ask(node, '/kv.wasm/insert?k=1');
        return [status, headers['retry-after']];
      }, patient)
      .toEqual([503, '5']);
    await expect
      .poll(async () => {
        await world.ask(node, '/kv.wasm/insert?k=1');
        return node.daemon.log.some(({ errorDetail }) =>
          String(errorDetail).includes('has not answered lately'),
        );
      }, patient)
      .toBe(true);
    expect((await world.ask(node, '/page.txt')).text).toBe('page');
    expect((await world.ask(node, '/hello.wasm')).status).toBe(200);
    await world.servers.signal(0, 'SIGCONT');
    await world.servers.signal(1, 'SIGCONT');
    for (const each of world.nodes) await storesAgain(each);
  });

  test('the engine is stopped and a daemon starts: modules serve, stores do not', async () => {
    const node = world.node(0);
    for (const index of [0, 1, 2]) await world.servers.signal(index, 'SIGTERM');
    await world.restart(node, 'SIGTERM');
    await expect.poll(async () => (await world.ask(node, '/hello.wasm')).status, patient).toBe(200);
    expect((await world.ask(node, '/kv.wasm/get?again')).status).toBe(503);
    expect((await world.ask(node, '/page.txt')).text).toBe('page');
    await world.servers.restart();
    await storesAgain(node);
    expect((await world.ask(node, '/kv.wasm/get?again')).text).toBe('1');
  });

  test('an engine that was emptied is refused until it is adopted', async () => {
    const node = world.node(0);
    await world.servers.wipe();
    await world.restart(node, 'SIGTERM');
    await node.daemon.waitForLog(({ event }) => event === 'cluster-refused');
    expect((await world.ask(node, '/hello.wasm')).status).toBe(200);
    expect((await world.ask(node, '/kv.wasm/insert?k=1')).status).not.toBe(200);
    await node.daemon.stop('SIGTERM');
    const args = ['cluster', 'adopt', '--state', node.state.directory];
    const env = { ...process.env, ...world.environment(node), TERRAFIRMA_CLUSTER_WAIT_MS: '60000' };
    const child = spawn(process.execPath, [program, ...args], { env, stdio: 'inherit' });
    expect((await once(child, 'exit'))[0]).toBe(0);
    await world.restart(node, 'SIGTERM');
    await storesAgain(node);
    expect((await world.ask(node, '/hello.wasm')).status).toBe(200);
  });
});

describe.skipIf(natsProgram === undefined)('two installations on one server', () => {
  test('see nothing of each other', async () => {
    await using one = await ClusterWorld.open({ nodes: 1, servers: 1, name: 'one' });
    await using two = await ClusterWorld.open({ nodes: 1, onServers: one.servers, name: 'two' });
    expect((await one.ask(one.node(0), '/kv.wasm/insert?k=one')).status).toBe(200);
    expect((await two.ask(two.node(0), '/kv.wasm/get?k')).status).toBe(404);
    expect((await two.ask(two.node(0), '/kv.wasm/insert?k=two')).status).toBe(200);
    expect((await one.ask(one.node(0), '/kv.wasm/get?k')).text).toBe('one');
  });
});
