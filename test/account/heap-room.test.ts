import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { giveHeapsRoom } from '../../src/account/heap-room.ts';

/** Collects as on demand, then comes to hold 30 MiB: how many full collections that takes. */
const grower = `
  const { parentPort } = require('node:worker_threads');
  const { PerformanceObserver, constants } = require('node:perf_hooks');
  const { setImmediate: turn } = require('node:timers/promises');
  require('node:v8').setFlagsFromString('--expose-gc');
  const collect = require('node:vm').runInNewContext('gc');
  async function main() {
    collect();
    await turn();
    let full = 0;
    new PerformanceObserver((list) => {
      for (const { detail } of list.getEntries()) {
        if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) full += 1;
      }
    }).observe({ entryTypes: ['gc'] });
    const held = [];
    for (let count = 0; count < 30 * 128; count += 1) {
      held.push(new Array(1_024).fill(count));
      if (count % 32 === 0) await turn();
    }
    await turn();
    parentPort.postMessage(full);
  }
  void main();
`;

async function fullCollections(): Promise<number> {
  const worker = new Worker(grower, { eval: true });
  const [count] = await once(worker, 'message');
  await worker.terminate();
  return count;
}

test('lets a heap grow after a collection without another, where there is memory', async () => {
  expect(await fullCollections()).toBeGreaterThan(0);
  giveHeapsRoom({ bytesMax: 2 * 1024 ** 3, threads: 2 });
  expect(await fullCollections()).toBe(0);
  giveHeapsRoom({ bytesMax: 128 * 1024 ** 2, threads: 2 });
  expect(await fullCollections()).toBeGreaterThan(0);
});
