/** Nodes that are not alike: other limits, as while each is configured anew in turn. */
import { createHash } from 'node:crypto';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
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

  test('one that has never had a version that it takes says why nothing is there', async () => {
    writeFileSync(large.mount.path(`${folder}/never.wasm`), guestBytes('big'));
    await expect.poll(() => status(large, '/never.wasm'), patient).toBe(200);
    await expect.poll(() => status(small, '/never.wasm'), patient).toBe(502);
    expect((await world.ask(small, '/never.wasm')).text).toMatch(/at most 20/);
    expect(await status(small, '/not-there.wasm')).toBe(404);
  });

  test('what all of them have is told once by each', async () => {
    const content = padded(guestBytes('hello'), 77);
    const digest = createHash('sha256').update(content).digest('hex');
    const at = new Date(Date.now() - 10_000);
    for (const node of world.nodes) {
      writeFileSync(node.mount.path(`${folder}/once.wasm`), content);
      utimesSync(node.mount.path(`${folder}/once.wasm`), at, at);
    }
    for (const node of world.nodes) {
      await expect.poll(() => status(node, '/once.wasm'), patient).toBe(200);
      // It has looked again since, and taken up what it was told of.
      writeFileSync(node.mount.path(`${folder}/after-${node.name}.wasm`), guestBytes('hello'));
    }
    for (const node of world.nodes) {
      for (const { name } of world.nodes) {
        await expect.poll(() => status(node, `/after-${name}.wasm`), patient).toBe(200);
      }
      const told = node.daemon.log.filter((line) => line.digest === digest && 'event' in line);
      expect(told.map(({ event }) => event)).toEqual(['module-published']);
    }
  });

  test('a folder that is not on a node yet is served there once it is', async () => {
    const late = 'public/late';
    world.point('late.example', late);
    mkdirSync(large.mount.path(late), { recursive: true });
    writeFileSync(large.mount.path(`${late}/app.wasm`), guestBytes('hello'));
    const statusOf = async (node: Node): Promise<number> =>
      (await world.ask(node, '/app.wasm', { host: 'late.example' })).status;
    await expect.poll(() => statusOf(large), patient).toBe(200);
    expect(await statusOf(small)).toBe(404);
    mkdirSync(small.mount.path(late), { recursive: true });
    await expect.poll(() => statusOf(small), patient).toBe(200);
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
