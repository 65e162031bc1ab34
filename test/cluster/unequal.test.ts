/** Nodes that are not alike: other limits, as while each is configured anew in turn. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runProgram } from '../commands/program.ts';
import type { LogLine } from '../support/daemon.ts';
import { guestBytes, padded, TestFolder } from '../support/folder.ts';
import { natsProgram } from '../support/nats-servers.ts';
import { ClusterWorld, folder, type Node } from './world.ts';

const patient = { timeout: 60_000 };
const keysMax = 3;

describe.skipIf(natsProgram === undefined)('two nodes, one with smaller limits', () => {
  let world: ClusterWorld;
  let large: Node;
  let small: Node;

  beforeAll(async () => {
    world = await ClusterWorld.open({
      ...{ servers: 1, nodes: 2, guests: ['kv'] },
      ofNode: {
        'node-2': {
          TERRAFIRMA_LIMITS_MODULE_BYTES_MAX: '20000',
          TERRAFIRMA_LIMITS_KV_NAMESPACE_KEYS_MAX: String(keysMax),
        },
      },
    });
    [large, small] = [world.node(0), world.node(1)];
  });

  afterAll(() => world?.[Symbol.asyncDispose]());

  const status = async (node: Node, path: string): Promise<number> =>
    (await world.ask(node, path)).status;

  test('a version that only one of them takes serves there; the other says so', async () => {
    writeFileSync(large.mount.path(`${folder}/v.wasm`), guestBytes('hello'));
    for (const node of world.nodes) {
      await expect.poll(() => status(node, '/v.wasm'), patient).toBe(200);
    }
    const big = guestBytes('big');
    const digest = createHash('sha256').update(big).digest('hex');
    const isBig = (line: LogLine): boolean =>
      line.event === 'module-published' && line.digest === digest;
    writeFileSync(large.mount.path(`${folder}/v.wasm`), big);
    await large.daemon.waitForLog(isBig);
    const told = await small.daemon.waitForLog(({ event }) => event === 'module-refused');
    expect(told.reason).toMatch(/another node accepted it: .*at most 20/);
    expect(small.daemon.log.some(isBig)).toBe(false);
    expect((await world.ask(small, '/v.wasm')).text).toContain('hello');
    // Its owner goes on with what all of them take.
    writeFileSync(large.mount.path(`${folder}/v.wasm`), padded(guestBytes('kv'), 10));
    for (const node of world.nodes) {
      await expect.poll(() => status(node, '/v.wasm/get?x'), patient).toBe(404);
    }
  });

  test('each keeps to its own limit of a store, and both count the same', async () => {
    for (let n = 0; n < keysMax; n += 1) {
      await expect.poll(() => status(small, `/kv.wasm/insert?k${n}=v`), patient).toBe(200);
    }
    expect(await status(small, '/kv.wasm/insert?more=v')).not.toBe(200);
    expect(await status(large, '/kv.wasm/insert?more=v')).toBe(200);
    // What adds nothing is no matter of the limit.
    expect(await status(small, '/kv.wasm/upsert?k0=w')).toBe(200);
    expect((await world.ask(small, '/kv.wasm/get?more')).text).toBe('v');
    expect((await world.ask(small, '/kv.wasm/remove?more')).text).toBe('1\n');
    expect((await world.ask(small, '/kv.wasm/remove?k2')).text).toBe('1\n');
    expect(await status(small, '/kv.wasm/insert?last=v')).toBe(200);
  });

  test('one with another number of shards does not start, and makes nothing', async () => {
    const { servers } = world;
    const connection = await connect({ servers: [...servers.urls] });
    const names = async (): Promise<unknown> =>
      Object((await connection.request('$JS.API.STREAM.NAMES')).json()).streams;
    const before = await names();
    const state = new TestFolder();
    const where = [state.directory, '--state', state.directory, '--listen', '127.0.0.1:0'];
    const end = await runProgram(['serve', ...where], {
      environment: { ...world.environment(large), TERRAFIRMA_CLUSTER_SHARDS: '4' },
    });
    expect([end.code, end.stderr]).toEqual([2, expect.stringContaining('shards must be 2')]);
    expect(await names()).toEqual(before);
    await connection.close();
    state[Symbol.dispose]();
  });
});
