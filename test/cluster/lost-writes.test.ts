/**
 * Acknowledged writes under faults: writers append numbered tokens over all nodes while servers and
 * daemons are killed and frozen; then everything is read back (`writers.ts`). `CLUSTER_ROUNDS` says
 * how many rounds; `CLUSTER_SEED` with which fault it begins.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { natsProgram } from '../support/nats-servers.ts';
import { ClusterWorld, type Node } from './world.ts';
import { Writers } from './writers.ts';

const rounds = Number(process.env.CLUSTER_ROUNDS ?? 3);
const seed = Number(process.env.CLUSTER_SEED ?? 1);
const patient = { timeout: 120_000, interval: 200 };
const frozenMs = 2_500;
const stream = 'TF_main_KV_00';

type Fault = (world: ClusterWorld) => Promise<void>;

const leader = (world: ClusterWorld): Promise<number> =>
  world.servers.leaderOf(stream).catch(() => 0);

/** Servers, from the leader on. */
async function hit(world: ClusterWorld, count: number): Promise<readonly number[]> {
  const from = await leader(world);
  return Array.from({ length: count }, (_, index) => (from + index) % 3);
}

const kill = (count: number): Fault => {
  return async (world) => {
    const servers = await hit(world, count);
    await Promise.all(servers.map((index) => world.servers.signal(index, 'SIGKILL')));
    for (const index of servers) world.servers.run(index);
  };
};
const freeze = (count: number): Fault => {
  return async (world) => {
    const servers = await hit(world, count);
    await Promise.all(servers.map((index) => world.servers.signal(index, 'SIGSTOP')));
    await wait(frozenMs);
    await Promise.all(servers.map((index) => world.servers.signal(index, 'SIGCONT')));
  };
};
const restartDaemons = (count: number): Fault => {
  return async (world) => {
    await Promise.all(world.nodes.slice(0, count).map((node) => world.restart(node)));
  };
};
const freezeDaemon: Fault = async (world) => {
  const { child } = world.node(0).daemon;
  child.kill('SIGSTOP');
  await wait(frozenMs);
  child.kill('SIGCONT');
};

const faults: readonly (readonly [name: string, fault: Fault])[] = [
  ['the leader is killed', kill(1)],
  ['the leader is frozen', freeze(1)],
  ['two servers are killed', kill(2)],
  ['all servers are killed', kill(3)],
  ['two servers are frozen', freeze(2)],
  ['a daemon is killed', restartDaemons(1)],
  ['all servers are frozen', freeze(3)],
  ['two daemons are killed', restartDaemons(2)],
  ['a daemon is frozen', freezeDaemon],
  ['all daemons are killed', restartDaemons(3)],
];

describe.skipIf(natsProgram === undefined)('acknowledged writes', () => {
  test(`are there after ${rounds} rounds of faults`, {
    timeout: 120_000 + rounds * 150_000,
  }, async () => {
    // Daemons are killed as soon as they serve: no module is to blame for it.
    const environment = { TERRAFIRMA_LIMITS_PROBATION_MS: '1' };
    await using world = await ClusterWorld.open({ environment });
    let acked = 0;
    for (let round = 0; round < rounds; round += 1) {
      const chosen = faults[(seed - 1 + round) % faults.length];
      if (chosen === undefined) throw new RangeError('Cannot choose a fault: there are none');
      const [name, fault] = chosen;
      const writers = new Writers(world, { count: 16, prefix: `r${round}w` });
      await expect.poll(() => writers.acked, patient).toBeGreaterThan(16);
      await fault(world);
      await world.servers.ready();
      for (const node of world.nodes)
        await expect.poll(() => stores(world, node), patient).toBe(200);
      await writers.stop();
      await writers.check();
      acked += writers.acked;
      const { failed, longestMs } = writers;
      const longest = `the longest wait ${Math.round(longestMs)} ms`;
      const all = `${writers.acked} acknowledged, ${failed} refused, 0 lost, ${longest}`;
      process.stdout.write(`${round + 1} ${name}: ${all}\n`);
    }
    expect(acked).toBeGreaterThan(0);
  });

  async function stores(world: ClusterWorld, node: Node): Promise<number | undefined> {
    return (await world.ask(node, '/kv.wasm/insert?well=1').catch(() => undefined))?.status;
  }
});
