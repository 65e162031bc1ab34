/**
 * The same endless guests on the engine of the product: each ends at its CPU limit, and a neighbour
 * of another owner has its turn meanwhile; nobody's clock is looked at but the engine's.
 */
import { expect, test } from 'vitest';
import type { Abi, Binding } from '../../src/abi/abi.ts';
import { ProgramPool } from '../support/program-pool.ts';
import { assemble } from '../wasm/support/assemble.ts';
import { endless } from './endless.ts';

const abi: Abi = {
  name: 'bare',
  requestBody: 'streamed',
  judge: () => ({ kind: 'speaks', entry: 'run' }),
  bind: (): Binding => ({
    hostcall: () => undefined,
    begin: () => undefined,
    finish: () => undefined,
    release: () => undefined,
  }),
};

/** Those that throw without end take objects without end, too. */
const limits = {
  cpuMsMax: 100,
  sliceMs: 1,
  objectBytesPerRunMax: 2 ** 30,
  objectBytesPerThreadMax: 2 ** 32,
};
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test.each([...endless])('%s ends, and lets others have their turn', async (_, bytes) => {
  for (const restoreMode of ['copy', 'cards'] as const) {
    using pool = new ProgramPool({ abi, restoreMode, limits });
    const neighbour = pool.load(assemble('(module (func (export "run")))'), 'run');
    const hog = pool.load(bytes, 'run');
    const ends: string[] = [];
    const hogging = pool.run(hog, '/hog').then((report) => {
      ends.push('hog');
      return report;
    });
    // The hog has begun: it holds the thread until it yields.
    await nextTurn();
    const { outcome } = await pool.run(neighbour, '/neighbour');
    ends.push('neighbour');
    expect(outcome).toBe('replied');
    expect((await hogging).outcome).toBe('out-of-cpu');
    expect(ends).toEqual(['neighbour', 'hog']);
  }
});
