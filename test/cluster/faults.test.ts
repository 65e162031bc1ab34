/** Servers and daemons that die or hang while visitors store things. */
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FolderKey, ModulePath } from '../../src/names.ts';
import { Places } from '../../src/outside/store/nats/places.ts';
import { moduleSpace } from '../../src/outside/store/spaces.ts';
import { openNatsStore, settingsOf } from '../outside/store/nats/world.ts';
import { natsProgram } from '../support/nats-servers.ts';
import { expectWithin, marks, timeOf } from './times.ts';
import { ClusterWorld, folder, isShort, statusOf } from './world.ts';
import { Writers } from './writers.ts';

/** So that it is longer than an election on a busy machine, too. */
const waitMs = 20_000;
/** A busy machine takes its time to answer; it does not take another whole wait. */
const slackMs = 10_000;
const kills = isShort ? 1 : 5;
const patient = { timeout: 120_000, interval: 100 };
const space = moduleSpace(`/keybase/${folder}` as FolderKey, 'kv.wasm' as ModulePath);
const place = new Places('main', 2).of(space);

describe.skipIf(natsProgram === undefined)('visitors who store things', () => {
  let world: ClusterWorld;

  beforeAll(async () => {
    const environment = { TERRAFIRMA_LIMITS_PROBATION_MS: '1' };
    world = await ClusterWorld.open({ waitMs, environment });
  });

  afterAll(() => world?.[Symbol.asyncDispose]());

  async function started(prefix: string, count = 16): Promise<Writers> {
    const writers = new Writers(world, { count, prefix });
    await expect.poll(() => writers.acked, patient).toBeGreaterThan(count);
    return writers;
  }

  /** Writes are acknowledged again; whether it took longer than a wait is told by the writers. */
  async function goesOn(writers: Writers): Promise<void> {
    const before = writers.acked;
    await expect.poll(() => writers.acked, patient).toBeGreaterThan(before + 16);
  }

  test(`the leader is killed ${kills} times: requests are slow, and end well`, async () => {
    for (let time = 0; time < kills; time += 1) {
      const leader = await world.servers.leaderOf(place.stream);
      const writers = await started(`leader${time}-`);
      await world.servers.signal(leader, 'SIGKILL');
      await goesOn(writers);
      world.servers.run(leader);
      await world.servers.ready();
      await writers.stop();
      await writers.check();
      expect(writers.longestMs).toBeLessThan(waitMs + slackMs);
      // Each of them waits through the gap with one request.
      expect(writers.failed).toBeLessThanOrEqual(16 * 0.1);
      const longest = Math.round(writers.longestMs);
      process.stdout.write(`leader killed: ${writers.failed} refused, ${longest} ms the longest\n`);
    }
  });

  test.skipIf(isShort)(
    'all servers are killed and started: what was acknowledged is there',
    async () => {
      const writers = await started('all-');
      await world.servers.restart();
      const startedAtMs = performance.now();
      await goesOn(writers);
      const goneMs = Math.round(performance.now() - startedAtMs);
      await writers.stop();
      await writers.check();
      expect(writers.longestMs).toBeLessThan(waitMs + slackMs);
      process.stdout.write(`all servers killed: written again ${goneMs} ms after they were well\n`);
    },
  );

  test.skipIf(isShort)(
    'the server of a node hangs: the node moves, and reads all that it wrote',
    async () => {
      const node = world.node(1);
      const { server } = (await statusOf(node)).cluster;
      const index = world.servers.urls.findIndex((url) => url.endsWith(server.split(':').at(-1)));
      const writers = new Writers(world, { count: 4, prefix: 'moves-', nodes: [node] });
      await expect.poll(() => writers.acked, patient).toBeGreaterThan(4);
      const [since = 0] = marks([node]);
      const hungAtMs = Date.now();
      await world.servers.signal(index, 'SIGSTOP');
      const others = world.servers.urls
        .filter((_, each) => each !== index)
        .map((url) => url.slice(7));
      const { log } = node.daemon;
      const moved = await node.daemon.waitForLog((line) => {
        const isNew = log.indexOf(line) >= since && line.event === 'cluster-ready';
        return isNew && others.includes(String(line.server));
      });
      expect(others).toContain((await statusOf(node)).cluster.server);
      await goesOn(writers);
      await world.servers.signal(index, 'SIGCONT');
      await writers.stop();
      await writers.check();
      expectWithin('a node whose server hangs is at another', timeOf(moved) - hungAtMs, 4_000);
    },
  );

  test.skipIf(isShort)('a daemon is killed amid writes: the usage is what is there', async () => {
    const writers = await started('daemon-');
    await world.restart(world.node(0));
    await goesOn(writers);
    await writers.stop();
    await writers.check();
    const { servers } = world;
    const settings = settingsOf(servers.urls, { name: 'main', replicas: 3, shards: 2 });
    const store = openNatsStore(settings);
    try {
      const { items } = await store.list(space, { prefix: new Uint8Array(), limit: 10_000 });
      const bytes = items.reduce((sum, each) => sum + each.key.length + each.bytes, 0);
      expect(await usage()).toEqual({ b: bytes, k: items.length });
    } finally {
      await store.close();
    }
  });

  /** What the engine has written down of the space. */
  async function usage(): Promise<unknown> {
    const connection = await connect({ servers: [...world.servers.urls] });
    try {
      const question = JSON.stringify({ last_by_subj: place.usageSubject });
      const api = `$JS.API.STREAM.MSG.GET.${place.stream}`;
      const { message }: { message: { data: string } } = (
        await connection.request(api, question)
      ).json();
      return JSON.parse(Buffer.from(message.data, 'base64').toString());
    } finally {
      await connection.close();
    }
  }

  test('servers without room: writes are refused, deleting and reading go on', async () => {
    const node = world.node(0);
    const filler = 'x'.repeat(500);
    expect((await world.ask(node, '/kv.wasm/insert?kept=here')).status).toBe(200);
    const connection = await connect({ servers: [...world.servers.urls] });
    const api = (
      verb: string,
      body: unknown,
    ): Promise<{ config: object; state: { bytes: number } }> =>
      connection
        .request(`$JS.API.STREAM.${verb}.${place.stream}`, JSON.stringify(body), {
          timeout: 10_000,
        })
        .then((answer) => answer.json());
    const { config, state } = await api('INFO', {});
    await api('UPDATE', { ...config, max_bytes: state.bytes + 50_000 });
    let last = 0;
    const fill = async (): Promise<number> => {
      last += 1;
      return (await world.ask(node, `/kv.wasm/insert?fill${last}=${filler}`)).status;
    };
    await expect.poll(fill, { timeout: 60_000, interval: 0 }).toBe(503);
    await node.daemon.waitForLog(({ event }) => event === 'cluster-full');
    expect((await world.ask(node, '/kv.wasm/get?kept')).text).toBe('here');
    expect((await world.ask(node, '/kv.wasm/remove?kept')).text).toBe('1\n');
    expect((await world.ask(world.node(1), '/kv.wasm/get?kept')).status).toBe(404);
    await api('UPDATE', config);
    await expect.poll(fill, patient).toBe(200);
    await connection.close();
  });
});
