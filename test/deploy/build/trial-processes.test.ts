import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TrialKind, TrialTask } from '../../../src/deploy/build/trial-process.ts';
import { TrialProcesses } from '../../../src/deploy/build/trial-processes.ts';
import { guestBytes } from '../../support/folder.ts';
import { killerOfOptimiser } from '../costly-modules.ts';
import { emptySection } from '../wasm-bytes.ts';
import { until } from '../world.ts';

const bounds = {
  cpuMsMax: 60_000,
  functionCpuMsMax: 60_000,
  residentBytesMax: 2 ** 32,
  functionBytesMax: 2 ** 31,
  wallMsMax: 600_000,
};
const never = new AbortController().signal;
const guest = (name: string) => new Uint8Array(guestBytes(name));
const taskOf = (form: Uint8Array, compiler: TrialKind = 'quick'): TrialTask => ({
  compiler,
  forms: [form],
  bounds,
});

describe('TrialProcesses', () => {
  let processes: TrialProcesses;

  beforeEach(() => {
    processes = new TrialProcesses();
  });
  afterEach(() => processes.close());

  test('prepare() has one ready, and no more however often it is asked', async () => {
    processes.prepare();
    processes.prepare();
    await until(() => processes.waitingCount('quick') === 1);
    processes.prepare();
    expect((await processes.run(taskOf(guest('hello')), never)).kind).toBe('compiled');
    expect(processes.waitingCount('quick')).toBe(1);
  });

  test('a process tries one module after another, each on its own account', async () => {
    for (const name of ['hello', 'echo', 'v1', 'v2']) {
      const ending = await processes.run(taskOf(guest(name), 'optimiser'), never);
      expect(ending).toMatchObject({ kind: 'compiled' });
      // Starting Node.js alone takes longer than such a module.
      expect(ending).toSatisfy(({ cpuMs }) => cpuMs < 1_000);
      expect(processes.waitingCount('optimiser')).toBe(1);
    }
  });

  test('what fails in a process that was used fails in a new one too, and ends both', async () => {
    expect((await processes.run(taskOf(guest('hello'), 'optimiser'), never)).kind).toBe('compiled');
    const killer = taskOf(new Uint8Array(killerOfOptimiser(0)), 'optimiser');
    expect(await processes.run(killer, never)).toMatchObject({
      kind: 'failed',
      received: expect.stringMatching(/ended the process with SIG/),
    });
    expect(processes.waitingCount('optimiser')).toBe(0);
    expect((await processes.run(taskOf(guest('hello'), 'optimiser'), never)).kind).toBe('compiled');
  });

  test('a process that has tried much code tries no more', async () => {
    const large = Buffer.concat([guest('hello'), emptySection(4 * 1024 * 1024)]);
    expect((await processes.run(taskOf(large, 'optimiser'), never)).kind).toBe('compiled');
    expect(processes.waitingCount('optimiser')).toBe(0);
  });

  test('processes with little room left keep no newer one out', async () => {
    const mebibytes = (count: number) =>
      taskOf(Buffer.concat([guest('hello'), emptySection(count * 1024 * 1024)]));
    await Promise.all([3, 3].map((count) => processes.run(mebibytes(count), never)));
    expect(processes.isReadyFor(mebibytes(2))).toBe(false);
    await processes.run(mebibytes(2), never);
    expect(processes.waitingCount('quick')).toBe(2);
    expect(processes.isReadyFor(mebibytes(1.5))).toBe(true);
  });

  test('a trial that is stopped has no verdict, and after close() none begins', async () => {
    const stop = new AbortController();
    const running = processes.run(taskOf(guest('hello')), stop.signal);
    stop.abort();
    expect(await running).toEqual({ kind: 'stopped' });
    await processes.close();
    processes.prepare();
    expect(processes.waitingCount('quick')).toBe(0);
  });
});
