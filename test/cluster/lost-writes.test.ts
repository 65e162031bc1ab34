/**
 * Acknowledged writes under faults: writers append numbered tokens over all nodes while servers and
 * daemons are killed and frozen; then everything is read back. Nothing that was answered with 200
 * may be missing, nothing may be there twice, and nobody may read less than was read before.
 * `CLUSTER_ROUNDS` says how many rounds; `CLUSTER_SEED` which faults come when.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { natsProgram } from '../support/nats-servers.ts';
import { ClusterWorld } from './world.ts';

const rounds = Number(process.env.CLUSTER_ROUNDS ?? 3);
const seed = Number(process.env.CLUSTER_SEED ?? 1);
const writers = 8;
const patient = { timeout: 90_000, interval: 200 };
const frozenMs = 2_500;
const stream = 'TF_main_KV_00';

interface Writer {
  readonly key: string;
  sent: number;
  readonly acked: number[];
  failed: number;
  /** The most tokens that were read so far. */
  seen: number;
}

type Fault = (world: ClusterWorld) => Promise<void>;

const kill = (count: number, first: (world: ClusterWorld) => Promise<number>): Fault => {
  return async (world) => {
    const from = await first(world);
    const hit = Array.from({ length: count }, (_, index) => (from + index) % 3);
    await Promise.all(hit.map((index) => world.servers.signal(index, 'SIGKILL')));
    for (const index of hit) world.servers.run(index);
  };
};
const freeze = (count: number): Fault => {
  return async (world) => {
    const from = await leader(world);
    const hit = Array.from({ length: count }, (_, index) => (from + index) % 3);
    await Promise.all(hit.map((index) => world.servers.signal(index, 'SIGSTOP')));
    await wait(frozenMs);
    await Promise.all(hit.map((index) => world.servers.signal(index, 'SIGCONT')));
  };
};
const leader = (world: ClusterWorld): Promise<number> =>
  world.servers.leaderOf(stream).catch(() => 0);

const faults: readonly (readonly [name: string, fault: Fault])[] = [
  ['the leader is killed', kill(1, leader)],
  ['the leader is frozen', freeze(1)],
  ['two servers are killed', kill(2, leader)],
  ['all servers are killed', kill(3, async () => 0)],
  ['two servers are frozen', freeze(2)],
  ['a daemon is killed', (world) => world.restart(world.node(0))],
  ['all servers are frozen', freeze(3)],
];

describe.skipIf(natsProgram === undefined)('acknowledged writes', () => {
  test(`are there after ${rounds} rounds of faults`, {
    timeout: 120_000 + rounds * 90_000,
  }, async () => {
    // Daemons are killed as soon as they serve: no module is to blame for it.
    const environment = { TERRAFIRMA_LIMITS_PROBATION_MS: '1' };
    await using world = await ClusterWorld.open({ environment });
    let acked = 0;
    for (let round = 0; round < rounds; round += 1) {
      const chosen = faults[(seed - 1 + round) % faults.length];
      if (chosen === undefined) throw new RangeError('Cannot choose a fault: there are none');
      const [name, fault] = chosen;
      const all = Array.from({ length: writers }, (_, index) => writer(`r${round}w${index}`));
      let isOver = false;
      const running = all.map((each, index) => write(world, each, index, () => isOver));
      await wait(500);
      await fault(world);
      await world.servers.ready();
      await expect.poll(() => isWell(world), patient).toBe(true);
      isOver = true;
      await Promise.all(running);
      for (const each of all) await check(world, each);
      const sum = all.reduce((total, each) => total + each.acked.length, 0);
      const failed = all.reduce((total, each) => total + each.failed, 0);
      acked += sum;
      process.stdout.write(`${name}: ${sum} acknowledged, ${failed} refused, 0 lost\n`);
    }
    expect(acked).toBeGreaterThan(0);
  });

  function writer(key: string): Writer {
    return { key, sent: 0, acked: [], failed: 0, seen: 0 };
  }

  async function write(
    world: ClusterWorld,
    each: Writer,
    index: number,
    isOver: () => boolean,
  ): Promise<void> {
    while (!isOver()) {
      each.sent += 1;
      const node = world.node((index + each.sent) % 3);
      const path = `/kv.wasm/append?${each.key}=${each.sent},`;
      const answer = await world.ask(node, path).catch(() => undefined);
      if (answer?.status === 200) each.acked.push(each.sent);
      else each.failed += 1;
      // Of its own writes it reads all, on the node that took the last one.
      if (answer?.status !== 200) continue;
      const read = await world.ask(node, `/kv.wasm/get?${each.key}`).catch(() => undefined);
      if (read?.status !== 200) continue;
      const tokens = read.text.split(',').length - 1;
      expect(tokens).toBeGreaterThanOrEqual(each.acked.length);
    }
  }

  async function isWell(world: ClusterWorld): Promise<boolean> {
    const answers = world.nodes.map((node) =>
      world.ask(node, '/kv.wasm/insert?well=1').catch(() => undefined),
    );
    return (await Promise.all(answers)).every((answer) => answer?.status === 200);
  }

  async function check(world: ClusterWorld, { acked, key }: Writer): Promise<void> {
    for (const node of world.nodes) {
      const { text } = await world.ask(node, `/kv.wasm/get?${key}`);
      const tokens = text.split(',').slice(0, -1).map(Number);
      const missing = acked.filter((token) => !tokens.includes(token));
      expect(missing).toEqual([]);
      expect(tokens.length).toBe(new Set(tokens).size);
      // One that was refused may have been stored later than those after it: once at most.
      expect(tokens.filter((token) => acked.includes(token))).toEqual(acked);
    }
  }
});
