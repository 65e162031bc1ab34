/** What guests store, on three nodes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { natsProgram } from '../support/nats-servers.ts';
import { ClusterWorld } from './world.ts';

describe.skipIf(natsProgram === undefined)('three nodes, three servers', () => {
  let world: ClusterWorld;

  beforeAll(async () => {
    world = await ClusterWorld.open();
  });

  afterAll(() => world?.[Symbol.asyncDispose]());

  test('1,000 appends over all nodes are 1,000', async () => {
    const lanes = world.nodes.map(async (node) => {
      const lane = async (times: number): Promise<void> => {
        for (let count = 0; count < times; count += 1) {
          const { status } = await world.ask(node, '/kv.wasm/append?n=x');
          expect(status).toBe(200);
        }
      };
      await Promise.all(Array.from({ length: 10 }, () => lane(node === world.node(0) ? 34 : 33)));
    });
    await Promise.all(lanes);
    for (const node of world.nodes) {
      const { text } = await world.ask(node, '/kv.wasm/get?n');
      expect(text.length).toBe(1_000);
    }
  });

  test('what is written on one is read on another, and never goes back', async () => {
    const [a, b] = [world.node(0), world.node(1)];
    for (let count = 0; count < 50; count += 1) {
      expect((await world.ask(a, `/kv.wasm/insert?k=${count}`)).status).toBe(200);
      let last = -1;
      await expect
        .poll(
          async () => {
            const seen = Number((await world.ask(b, '/kv.wasm/get?k')).text);
            if (!Number.isNaN(seen)) expect(seen).toBeGreaterThanOrEqual(last);
            last = Number.isNaN(seen) ? last : seen;
            return last;
          },
          { interval: 1 },
        )
        .toBe(count);
    }
  });
});
