import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Abi, Binding, GuestHost } from '../../src/abi/abi.ts';
import type { Hostcall } from '../../src/abi/hostcall.ts';
import type { RestoreMode } from '../../src/engine/restore/snapshot.ts';
import type { RunReport } from '../../src/engine/run/report.ts';
import { ProgramPool } from '../support/program-pool.ts';
import { apartCores, curiousCores, linkedCores } from './linked-guests.ts';

const modes: readonly RestoreMode[] = ['copy', 'cards', 'copy-on-write'];
const isThere = (mode: RestoreMode): boolean =>
  mode !== 'copy-on-write' || process.platform === 'linux';

/** Hostcalls that note what they are told, and answer waits when the test says so. */
class TellingAbi implements Abi {
  readonly name = 'telling';
  readonly requestBody = 'streamed';
  readonly told: number[] = [];
  instances = 0;
  runs = 0;
  /** Called when a run begins. */
  onBegin: (host: GuestHost) => void = () => undefined;
  answer: (number: number) => Promise<number> = async (number) => number;

  judge = () => ({ kind: 'speaks', entry: 'run' }) as const;

  bind(host: GuestHost): Binding {
    this.instances += 1;
    const tell: Hostcall = { waits: false, call: (value: number) => void this.told.push(value) };
    const ask: Hostcall = { waits: false, call: () => 1_000 + this.runs };
    const wait: Hostcall = { waits: true, call: (number: number) => this.answer(number) };
    const hostcalls = new Map(Object.entries({ tell, ask, wait }));
    return {
      hostcall: ({ name }) => hostcalls.get(name),
      begin: () => {
        this.runs += 1;
        this.onBegin(host);
      },
      finish: () => undefined,
      release: () => undefined,
    };
  }
}

/** The hash of what `runs` runs told. */
async function hashOf(
  cores: typeof linkedCores,
  restoreMode: RestoreMode | 'never',
  runs: number,
): Promise<{ readonly hash: string; readonly instances: number; readonly told: number[] }> {
  const abi = new TellingAbi();
  using pool = new ProgramPool({ abi, restoreMode });
  const loaded = pool.link(cores, 'run');
  const hash = createHash('sha256');
  let told: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const { error } = await pool.run(loaded);
    if (error !== undefined) throw new Error(error.detail);
    told = abi.told.splice(0);
    hash.update(JSON.stringify(told));
  }
  if (restoreMode !== 'never') expect(pool.modeOf(loaded)).toBe(restoreMode);
  return { hash: hash.digest('hex'), instances: abi.instances, told };
}

describe.each(modes.filter(isThere))('programs of several cores, restored by %s', (mode) => {
  test('100 runs of one instance of three cores see what 100 fresh ones see', async () => {
    const restored = await hashOf(linkedCores, mode, 100);
    const fresh = await hashOf(linkedCores, 'never', 100);
    expect(restored.instances).toBe(1);
    expect(fresh.instances).toBe(100);
    expect(restored.hash).toBe(fresh.hash);
    // Sizes, globals and entries as the three start functions left them, in this order.
    expect(restored.told.slice(1)).toEqual([
      3, 3, 10, 4, 0xbeef, 0x7ff8dead, 1, 1, 1, 2, 2, 2, -1, -1, 4,
    ]);
  });

  test('two memories keep their own marks', async () => {
    const restored = await hashOf(apartCores, mode, 100);
    expect(restored).toEqual({ ...(await hashOf(apartCores, 'never', 100)), instances: 1 });
    expect(restored.told).toEqual([0, 0, 0, 0]);
  });
});

describe('a program of several cores', () => {
  test('a memory that they share has one size, and one limit', async () => {
    const abi = new TellingAbi();
    using pool = new ProgramPool({ abi, restoreMode: 'cards' });
    const loaded = pool.link(linkedCores, 'sizes');
    for (let run = 0; run < 2; run += 1) await pool.run(loaded);
    expect(abi.told).toEqual([3, 5, 5, -1, 3, 5, 5, -1]);
  });

  test('the limit of memory counts what they share once', async () => {
    const abi = new TellingAbi();
    const limits = { memoryBytesMax: 5 * 65_536 };
    using pool = new ProgramPool({ abi, restoreMode: 'cards', limits });
    expect((await pool.run(pool.link(linkedCores, 'sizes'))).error).toBeUndefined();
    const less = { memoryBytesMax: 4 * 65_536 };
    using small = new ProgramPool({ abi, restoreMode: 'cards', limits: less });
    await small.run(small.link(linkedCores, 'sizes'));
    expect(abi.told).toEqual([3, 5, 5, -1, -1, 3, 3, -1]);
  });

  test('is ended at its CPU limit in whichever core it computes, and lets others run', async () => {
    const abi = new TellingAbi();
    const limits = { cpuMsMax: 100, sliceMs: 1 };
    using pool = new ProgramPool({ abi, restoreMode: 'copy', limits });
    const ends: string[] = [];
    const note = (name: string) => (report: RunReport) => {
      ends.push(`${name} ${report.outcome}`);
    };
    const hog = pool.run(pool.link(linkedCores, 'spin'), '/hog').then(note('hog'));
    await new Promise((resolve) => setImmediate(resolve));
    const neighbour = pool.run(pool.link(linkedCores, 'run'), '/neighbour').then(note('neighbour'));
    await Promise.all([hog, neighbour]);
    expect(ends).toEqual(['neighbour replied', 'hog out-of-cpu']);
  });

  test('a trap in a run that waited in another core is the end of its instance', async () => {
    const abi = new TellingAbi();
    using pool = new ProgramPool({ abi, restoreMode: 'cards' });
    const loaded = pool.link(linkedCores, 'trap');
    expect((await pool.run(loaded)).outcome).toBe('trapped');
    expect((await pool.run(loaded)).outcome).toBe('trapped');
    expect(abi.instances).toBe(2);
  });

  test('a start function that asks for its request is part of every run', async () => {
    const abi = new TellingAbi();
    // Nobody answers while no run has begun, as the ABIs of the product have it.
    abi.answer = (number) => {
      if (abi.runs === 0) throw new Error('Cannot answer a hostcall: no request yet');
      return Promise.resolve(number);
    };
    using pool = new ProgramPool({ abi, restoreMode: 'cards' });
    const loaded = pool.link(curiousCores, 'run');
    for (let run = 0; run < 3; run += 1) await pool.run(loaded);
    expect(abi.told).toEqual([7, 7, 7]);
    // One that failed, and one for each run.
    expect(abi.instances).toBe(4);
  });
});

describe('a run of several stacks', () => {
  /** Begins as many calls beside the entry as `numbers` has, each of which waits for its own. */
  function besides(abi: TellingAbi, numbers: readonly number[]): Map<number, (n: number) => void> {
    const gates = new Map<number, (number: number) => void>();
    const all = Promise.withResolvers<number>();
    abi.onBegin = (host) => {
      const aside = host.exportedFunction('aside');
      if (aside === undefined) throw new Error('Cannot find the export');
      const calls = numbers.map((number) => host.callBeside(aside, number));
      Promise.all(calls).then(
        (results) => all.resolve(results.reduce<number>((sum, result) => sum + Number(result), 0)),
        all.reject,
      );
    };
    abi.answer = (number) => {
      if (number === 0) return all.promise;
      const { promise, resolve } = Promise.withResolvers<number>();
      gates.set(number, resolve);
      return promise;
    };
    return gates;
  }

  const untilSize = async (gates: ReadonlyMap<number, unknown>, size: number): Promise<void> => {
    while (gates.size < size) await new Promise((resolve) => setImmediate(resolve));
  };

  test.each([1_000, 0])('goes on as its waits end, at slices of %i ms', async (sliceMs) => {
    const abi = new TellingAbi();
    const gates = besides(abi, [1, 2, 3]);
    using pool = new ProgramPool({ abi, restoreMode: 'cards', limits: { sliceMs } });
    const loaded = pool.link(linkedCores, 'join');
    const run = pool.run(loaded);
    await untilSize(gates, 3);
    gates.get(2)?.(20);
    gates.get(3)?.(30);
    gates.get(1)?.(10);
    expect((await run).error).toBeUndefined();
    expect(abi.told).toEqual([20, 30, 10, 60]);
    expect(pool.idleBytes).toBeGreaterThan(0);
  });

  test('ends as a whole when one of them traps', async () => {
    const abi = new TellingAbi();
    const gates = new Map<number, (number: number) => void>();
    const rejected: unknown[] = [];
    abi.onBegin = (host) => {
      for (const name of ['aside', 'trap']) {
        const callee = host.exportedFunction(name);
        if (callee === undefined) throw new Error('Cannot find the export');
        host.callBeside(callee, 5).catch((error: unknown) => rejected.push(error));
      }
    };
    abi.answer = (number) => {
      const { promise, resolve } = Promise.withResolvers<number>();
      // The entry's own wait comes first, then that of `trap`.
      gates.set(number === 0 ? gates.size : number, resolve);
      return promise;
    };
    using pool = new ProgramPool({ abi, restoreMode: 'cards' });
    const run = pool.run(pool.link(linkedCores, 'join'));
    await untilSize(gates, 3);
    for (const [number, open] of gates) if (number !== 5 && number !== 0) open(1);
    const { outcome } = await run;
    expect(outcome).toBe('trapped');
    expect(rejected).toHaveLength(2);
    expect(pool.idleBytes).toBe(0);
  });

  test('ends what is left when its entry has ended, and does not serve again', async () => {
    const abi = new TellingAbi();
    const rejected = Promise.withResolvers<unknown>();
    const waiting = Promise.withResolvers<number>();
    abi.onBegin = (host) => {
      const aside = host.exportedFunction('aside');
      if (aside !== undefined) host.callBeside(aside, 5).catch(rejected.resolve);
    };
    abi.answer = (number) =>
      number === 0 ? waiting.promise : new Promise(() => waiting.resolve(1));
    using pool = new ProgramPool({ abi, restoreMode: 'cards' });
    expect((await pool.run(pool.link(linkedCores, 'join'))).outcome).toBe('replied');
    expect(await rejected.promise).toBeInstanceOf(WebAssembly.RuntimeError);
    expect(pool.idleBytes).toBe(0);
  });
});
