/** What a node tells of its engine: metrics, log lines, readiness, and how it ends at its start. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, nkeys } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runProgram } from '../commands/program.ts';
import { askAdmin, socketOf } from '../support/admin.ts';
import { guestBytes, TestFolder } from '../support/folder.ts';
import { NatsServers, type NatsServersOptions, natsProgram } from '../support/nats-servers.ts';
import { ClusterWorld, folder, isShort, type Node } from './world.ts';

const patient = { timeout: 60_000 };

describe.skipIf(natsProgram === undefined)('a node whose engine comes and goes', () => {
  let world: ClusterWorld;
  let node: Node;

  beforeAll(async () => {
    world = await ClusterWorld.open({ servers: 1, nodes: 1, waitMs: 1_000, guests: ['kv'] });
    node = world.node(0);
  });

  afterAll(() => world?.[Symbol.asyncDispose]());

  /** By its name without labels: those of the one whose labels hold `label`. */
  async function metric(name: string, label = ''): Promise<number> {
    const { text } = await askAdmin(socketOf(node.daemon), '/metrics');
    const line = text
      .split('\n')
      .find((each) => each.startsWith(`terrafirma_${name}`) && each.includes(label));
    return Number(line?.split(' ').at(-1));
  }

  const write = async (): Promise<number> => (await world.ask(node, '/kv.wasm/upsert?k=1')).status;
  const ready = async (): Promise<unknown> => {
    const { json, status } = await askAdmin(socketOf(node.daemon), '/readyz');
    return [status, json.status, json.checks.cluster];
  };
  const told = (event: string): number =>
    node.daemon.log.filter((line) => line.event === event).length;

  test('says so in metrics, log and readiness, all the way', async () => {
    await expect.poll(write, patient).toBe(200);
    expect(await metric('cluster_state', '"ready"')).toBe(1);
    expect(await metric('cluster_state', '"waiting"')).toBe(0);
    expect(await metric('cluster_writes_total', '"done"')).toBeGreaterThan(0);
    expect(await metric('cluster_leader_reads_total')).toBeGreaterThan(0);
    expect(await metric('cluster_write_duration_seconds_count')).toBeGreaterThan(0);
    expect(await metric('cluster_write_duration_seconds_bucket', '+Inf')).toBe(
      await metric('cluster_write_duration_seconds_count'),
    );
    expect(await metric('cluster_connections_lost_total')).toBe(0);
    expect(await ready()).toEqual([200, 'ready', 'ready']);
    expect([told('cluster-ready'), told('cluster-away')]).toEqual([1, 0]);

    await world.servers.signal(0, 'SIGTERM');
    await node.daemon.waitForLog(({ event }) => event === 'cluster-away');
    expect(await write()).toBe(503);
    expect(await metric('cluster_state', '"waiting"')).toBe(1);
    expect(await metric('cluster_connections_lost_total')).toBe(1);
    expect(await metric('cluster_writes_total', '"unavailable"')).toBeGreaterThan(0);
    expect(await ready()).toEqual([200, 'degraded', 'waiting']);

    world.servers.run(0);
    await expect.poll(write, patient).toBe(200);
    await expect.poll(() => told('cluster-ready'), patient).toBeGreaterThan(1);
    expect(await ready()).toEqual([200, 'ready', 'ready']);
  });

  test('says why it is refused, and serves on, where its streams are gone', async () => {
    const connection = await connect({ servers: [...world.servers.urls] });
    for (const index of ['00', '01']) {
      await connection.request(`$JS.API.STREAM.DELETE.TF_main_KV_${index}`);
    }
    await connection.close();
    await world.restart(node, 'SIGTERM');
    const { level, msg } = await node.daemon.waitForLog(({ event }) => event === 'cluster-refused');
    expect([level, msg]).toEqual([
      'error',
      expect.stringMatching(/stream TF_main_KV_00 must be there, as before: .*cluster adopt/),
    ]);
    expect(await metric('cluster_state', '"refused"')).toBe(1);
    expect(await ready()).toEqual([200, 'degraded', 'refused']);
    expect(await write()).toBe(503);
    expect((await world.ask(node, '/kv.wasm/get?k')).status).toBe(503);
  });
});

describe.skipIf(natsProgram === undefined)('a node whose key is replaced', () => {
  test('waits as for servers that are away, until it is let in again', async () => {
    using secrets = new TestFolder();
    const [own, other] = [nkeys.createUser(), nkeys.createUser()];
    secrets.write('node.nk', own.getSeed());
    const only = (key: typeof own): string =>
      `authorization { users: [{ nkey: ${key.getPublicKey()} }] }`;
    await using world = await ClusterWorld.open({
      ...{ servers: 1, nodes: 1, waitMs: 1_000, guests: ['kv', 'hello'] },
      serverLines: only(own),
      environment: { TERRAFIRMA_CLUSTER_NKEY_FILE: secrets.path('node.nk') },
    });
    const [node] = world.nodes;
    if (node === undefined) throw new Error('there must be a node');
    const statusOf = async (path: string): Promise<number> => (await world.ask(node, path)).status;
    await expect.poll(() => statusOf('/kv.wasm/upsert?k=1'), patient).toBe(200);
    await expect.poll(() => statusOf('/hello.wasm'), patient).toBe(200);
    await world.servers.reconfigure(only(other));
    const lines = (): string =>
      node.daemon.log.map(({ event, msg }) => (event ? `${event} ${msg}` : '')).join('\n');
    await expect.poll(lines, patient).toMatch(/cluster-away/);
    await expect.poll(lines, patient).toMatch(/cluster-trouble .*authorization/i);
    await expect.poll(() => statusOf('/kv.wasm/upsert?k=2'), patient).toBe(503);
    expect(await statusOf('/hello.wasm')).toBe(200);
    expect((await askAdmin(socketOf(node.daemon), '/readyz')).json.status).toBe('degraded');
    await world.servers.reconfigure(only(own));
    await expect.poll(() => statusOf('/kv.wasm/upsert?k=3'), patient).toBe(200);
  });
});

/** What whoever connects without a name may do. */
function rights(permissions: string): string {
  return `no_auth_user: node
    authorization { users: [{ user: node, password: node, permissions: { ${permissions} } }] }`;
}

function serveIn({ directory }: TestFolder): readonly string[] {
  const places = ['--mount', `/keybase=${directory}`, '--state', directory];
  return ['serve', ...places, '--listen', '127.0.0.1:0'];
}

function environmentOf(servers: NatsServers): Readonly<Record<string, string>> {
  return {
    TERRAFIRMA_CLUSTER_SERVERS: servers.urls.join(','),
    TERRAFIRMA_CLUSTER_REPLICAS: '1',
    TERRAFIRMA_CLUSTER_SHARDS: '2',
    TERRAFIRMA_CLUSTER_MONITOR_URLS: servers.monitorUrls.join(','),
  };
}

/** As docs/cluster.md has it for an installation with two shards. */
const leastRights = `
  publish: { allow: ["tf.main.>", "$O.TF_main_BLOB.>", ${['CTL', 'KV_00', 'KV_01']
    .map((name) => `TF_main_${name}`)
    .concat('OBJ_TF_main_BLOB')
    .map((name) => `"$JS.API.*.*.${name}", "$JS.API.*.*.${name}.*", "$JS.API.*.*.*.${name}"`)
    .join(', ')}] }
  subscribe: { allow: ["_INBOX_main.>", "tf.main.i.>"] }`;

describe.skipIf(natsProgram === undefined)('a node with no more rights than it needs', () => {
  test('deploys and stores, and another installation is out of its reach', async () => {
    await using world = await ClusterWorld.open({
      ...{ servers: 1, nodes: 2, guests: [], serverLines: rights(leastRights) },
    });
    const [a, b] = [world.node(0), world.node(1)];
    mkdirSync(b.mount.path(folder), { recursive: true });
    mkdirSync(a.mount.path(folder), { recursive: true });
    writeFileSync(a.mount.path(`${folder}/kv.wasm`), guestBytes('kv'));
    const statusOn = async (node: Node, path: string): Promise<number> =>
      (await world.ask(node, path)).status;
    for (const node of world.nodes) {
      await expect.poll(() => statusOn(node, '/kv.wasm/upsert?k=1'), patient).toBe(200);
    }
    await expect.poll(async () => (await world.ask(b, '/kv.wasm/get?k')).text, patient).toBe('1');
    const lines = world.nodes.flatMap(({ daemon }) => daemon.log);
    expect(lines.filter(({ event }) => event === 'cluster-trouble')).toEqual([]);
    const connection = await connect({ servers: [...world.servers.urls] });
    const other = connection.request('$JS.API.STREAM.INFO.TF_other_CTL');
    await expect(other).rejects.toThrow(/permissions violation/i);
    await connection.close();
  });
});

describe.skipIf(natsProgram === undefined)('a daemon does not start', () => {
  interface Case {
    readonly servers: NatsServersOptions;
    readonly before?: (servers: NatsServers) => Promise<void>;
    readonly says: RegExp;
  }

  const cases: Readonly<Record<string, Case>> = {
    'that is not let in': {
      servers: { count: 1, more: 'authorization { token: secret }' },
      says: /its engine must let it in: received .*authorization.* from nats:\/\/127\.0\.0\.1/i,
    },
    'that may not ask for its streams': {
      servers: {
        count: 1,
        more: rights('publish: { deny: "$JS.API.STREAM.CREATE.>" }'),
      },
      says: /must allow it: received .*"\$JS\.API\.STREAM\.CREATE\.TF_main_CTL"/,
    },
    'where messages may not be large': {
      servers: { count: 1, maxPayload: '1MB' },
      says: /max_payload of its servers must be 8 MB or more: received 1048576 bytes/,
    },
    'where a stream is made otherwise': {
      servers: { count: 1 },
      before: async (servers) => {
        const connection = await connect({ servers: [...servers.urls] });
        const config = { name: 'TF_main_CTL', subjects: ['tf.main.c.>'], num_replicas: 1 };
        await connection.request('$JS.API.STREAM.CREATE.TF_main_CTL', JSON.stringify(config));
        await connection.close();
      },
      says: /stream TF_main_CTL: its max_msgs_per_subject must be 1: received -1/,
    },
    'whose servers do not write at once': {
      servers: { count: 1, syncInterval: '2m' },
      says: /sync_interval/,
    },
  };

  test.each(Object.entries(cases))('%s: ends with 2 and says why', patient, async (_, each) => {
    const servers = await NatsServers.start(each.servers);
    using state = new TestFolder();
    try {
      await each.before?.(servers);
      const { code, stderr } = await runProgram(serveIn(state), {
        environment: environmentOf(servers),
      });
      expect([code, stderr]).toEqual([2, expect.stringMatching(each.says)]);
    } finally {
      await servers.close();
    }
  });

  // It waits half a minute.
  test.skipIf(isShort)(
    'for the first time while its servers are away: ends with 1',
    { timeout: 120_000 },
    async () => {
      const servers = await NatsServers.start({ count: 1 });
      using state = new TestFolder();
      await servers.signal(0, 'SIGKILL');
      const { code, stderr } = await runProgram(serveIn(state), {
        environment: environmentOf(servers),
      });
      expect([code, stderr]).toEqual([1, expect.stringContaining('must answer within 30 s')]);
      await servers.close();
    },
  );
});
