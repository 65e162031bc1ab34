import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { optimiseSoon, optimisingLate } from '../../src/threads/tier-up.ts';

/**
 * Calls a function until V8's last compiler is to have it: how often, from when the second had made
 * it. V8 compiles on this thread, so that no busy machine comes in between.
 */
const caller = `
  const { parentPort } = require('node:worker_threads');
  const { setFlagsFromString: setFlag } = require('node:v8');
  setFlag('--allow-natives-syntax');
  setFlag('--no-concurrent-recompilation');
  const statusOf = new Function('f', 'return %GetOptimizationStatus(f)');
  const bySecond = 1 << 4;
  const byLast = 1 << 5;
  const wanted = 1 << 8;
  class Sum {
    #sum = 0;
    add(number) { this.#sum = (this.#sum + number) % 1000; return this.#sum; }
  }
  function call(count) {
    const sum = new Sum();
    for (let each = 0; each < count; each += 1) sum.add(each & 7);
    return statusOf(Sum.prototype.add);
  }
  // Else it would take the other into itself, which then has no calls of its own.
  new Function('f', '%NeverOptimizeFunction(f)')(call);
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  async function main() {
    while ((call(1) & bySecond) === 0) await turn();
    let calls = 0;
    while ((call(1) & (byLast | wanted)) === 0) calls += 1;
    parentPort.postMessage(calls);
  }
  void main();
`;

async function callsUntilLastCompiler(): Promise<number> {
  const worker = new Worker(caller, { eval: true });
  const [count] = await once(worker, 'message');
  await worker.terminate();
  return count;
}

test('has V8 optimise what serves after a thousand calls, not after many thousands', async () => {
  expect(await callsUntilLastCompiler()).toBeGreaterThan(2_500);
  optimiseSoon();
  const calls = await callsUntilLastCompiler();
  expect(calls).toBeGreaterThan(500);
  expect(calls).toBeLessThan(1_500);
});

test('is as soon again when a module is built, well or not', async () => {
  expect(optimisingLate(() => 'built')).toBe('built');
  const fail = () => optimisingLate(() => decodeURIComponent('%'));
  expect(fail).toThrow(URIError);
  expect(await callsUntilLastCompiler()).toBeLessThan(1_500);
});
