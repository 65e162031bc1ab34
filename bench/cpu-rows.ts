/**
 * What a run is charged while other programs have the processors: its CPU time, not the time on the
 * clock. Starts processes that compute.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Engine } from '../test/engine/world.ts';
import { World } from '../test/support/abi-world.ts';
import { assemble } from '../test/wasm/support/assemble.ts';
import { medianRatio, type Row } from './report.ts';

/** Computes for some tenths of a second. */
const busyGuest = `(module
  (memory (export "memory") 1)
  (func (export "run")
    (local $left i32)
    (local $sum i64)
    (local.set $left (i32.const 100000000))
    (loop $next
      (local.set $sum (i64.rotl (i64.add (local.get $sum) (i64.const 7)) (i64.const 13)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left)))
    (i64.store (i32.const 0) (local.get $sum))))`;

/** Programs a processor, beside the one that is measured. */
const programsPerProcessor = 3;
const compute = 'process.stdout.write("x"); for (;;);';

interface Charged {
  readonly cpuUs: number;
  readonly wallUs: number;
}

export async function measureCpu(rounds: number): Promise<readonly Row[]> {
  using engine = new Engine({ limits: { cpuMsMax: 60_000, wallMsMax: 120_000 } });
  const loaded = engine.load(assemble(busyGuest));
  const run = async (): Promise<Charged> => {
    const { report } = await engine.run(loaded, { world: new World() });
    if (report.error !== undefined) throw new Error(`Cannot measure: ${report.error.detail}`);
    return report;
  };
  await run();
  const quiet: Charged[] = [];
  const busy: Charged[] = [];
  for (let round = 0; round < rounds; round += 1) {
    quiet.push(await run());
    const others = await startOthers();
    busy.push(await run());
    for (const other of others) other.kill('SIGKILL');
  }
  const ratioOf = (each: keyof Charged): number =>
    medianRatio(
      busy.map((one) => one[each]),
      quiet.map((one) => one[each]),
    );
  return [
    {
      name: 'time of a run on the clock, beside busy programs',
      value: ratioOf('wallUs'),
      unit: 'x',
    },
    {
      name: 'CPU time that it is charged, beside busy programs',
      value: ratioOf('cpuUs'),
      unit: 'x',
      goal: { atMost: 1.5 },
    },
  ];
}

async function startOthers(): Promise<readonly ChildProcess[]> {
  const count = availableParallelism() * programsPerProcessor;
  const others = Array.from({ length: count }, () =>
    spawn(process.execPath, ['-e', compute], { stdio: ['ignore', 'pipe', 'inherit'] }),
  );
  await Promise.all(others.map(({ stdout }) => stdout && once(stdout, 'data')));
  return others;
}
