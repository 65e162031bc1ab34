import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test } from 'vitest';
import { createSharedAccount } from '../../../src/account/shared.ts';
import type { CacheKeeper } from '../../../src/capability/cache/keeper.ts';
import { useCache } from './cache-bench.ts';
import type { CacheThreadEnd, CacheThreadStart } from './cache-thread.ts';

const bench = useCache();
const workers: Worker[] = [];

afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
});

describe('threads of a node', () => {
  test('have one object in common, brought once', async () => {
    const keeper = bench.openKeeper();
    const ends = await Promise.all([0, 1].map((number) => endOf(start(keeper, number, 'bring'))));
    expect(ends.reduce((sum, { brought }) => sum + brought, 0)).toBe(1);
    const texts = ends.flatMap((end) => end.texts);
    expect(texts).toHaveLength(40);
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toContain('brought it');
  });

  test('that end while others wait for what they bring leave it to them', async () => {
    const keeper = bench.openKeeper();
    const dying = start(keeper, 0, 'die');
    await once(dying, 'exit');
    const end = await endOf(start(keeper, 1, 'bring'));
    expect(end.brought).toBe(1);
    expect(new Set(end.texts).size).toBe(1);
  });
});

function start(keeper: CacheKeeper, threadNumber: number, how: CacheThreadStart['how']): Worker {
  const port = keeper.connect();
  const account = createSharedAccount({ threads: 2, bytesMax: 1024 ** 3, memoriesMax: 100 });
  const data: CacheThreadStart = { port, account, threadNumber, runs: 20, how };
  const worker = new Worker(new URL('./cache-thread.ts', import.meta.url), {
    workerData: data,
    transferList: [port],
  });
  workers.push(worker);
  return worker;
}

async function endOf(worker: Worker): Promise<CacheThreadEnd> {
  const [end] = await once(worker, 'message');
  return end;
}
