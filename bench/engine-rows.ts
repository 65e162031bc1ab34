/** The engine alone, in process: what a run costs beside what it would cost in a new instance. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PageMapper } from '../src/engine/restore/page-mapper.ts';
import type { RestoreMode } from '../src/engine/restore/snapshot.ts';
import { Engine } from '../test/engine/world.ts';
import { World } from '../test/support/abi-world.ts';
import { assemble } from '../test/wasm/support/assemble.ts';
import { smallGuest } from './daemon-rows.ts';
import { median, type Row } from './report.ts';

const mib = 1024 * 1024;

/** Begins with 10 MiB of data; a run writes to twenty pages of it. */
const largeGuest = `(module
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 160)
  (start $fill)
  (func $fill (memory.fill (i32.const 0) (i32.const 7) (i32.const 10485760)))
  (func (export "run")
    (local $at i32)
    (loop $next
      (i32.store (local.get $at) (i32.const 1))
      (local.set $at (i32.add (local.get $at) (i32.const 524288)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 10485760))))))`;

/** Microseconds a run, the best of a few batches: what comes between is not the engine's. */
async function measureRun(
  bytes: Uint8Array,
  restoreMode: RestoreMode | 'never',
  runs: number,
): Promise<number> {
  using engine = new Engine({ restoreMode });
  const loaded = engine.load(bytes);
  const world = new World();
  const batch = async (): Promise<number> => {
    const startedAtMs = performance.now();
    for (let run = 0; run < runs; run += 1) await engine.run(loaded, { world });
    world.logLines.length = 0;
    return ((performance.now() - startedAtMs) / runs) * 1_000;
  };
  await batch();
  const timesUs = [await batch(), await batch(), await batch()];
  return Math.min(...timesUs);
}

export async function measureEngine(rounds: number): Promise<readonly Row[]> {
  const small = readFileSync(smallGuest());
  const restoredUs: number[] = [];
  const newUs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    restoredUs.push(await measureRun(small, 'cards', 5_000));
    newUs.push(await measureRun(small, 'never', 500));
  }
  const ratios = newUs.map((each, round) => each / (restoredUs[round] ?? Number.NaN));
  return [
    { name: 'run and restore of a small guest', value: median(restoredUs), unit: 'us' },
    { name: 'run of a small guest in a new instance', value: median(newUs), unit: 'us' },
    {
      name: 'restoring against a new instance',
      value: median(ratios),
      unit: 'x',
      goal: { atLeast: 5 },
    },
    ...(await measureInitialised(rounds)),
    ...(await measureLarge(rounds)),
    ...measureMany(),
  ];
}

/** Initialising takes some 50 ms, and leaves a number that a run answers. */
const initialisedGuest = `(module
  (import "env" "hostcall_resp_set_body" (func $set (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "wizer.initialize")
    (local $left i32)
    (local.set $left (i32.const 4000000))
    (loop $next
      (i32.store (i32.const 0)
        (i32.rotl (i32.add (i32.load (i32.const 0)) (local.get $left)) (i32.const 5)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left))))
  (func (export "run") (drop (call $set (i32.const 0) (i32.const 0) (i32.const 4)))))`;

/** The first run, which initialises, and those after it. */
async function measureInitialised(rounds: number): Promise<readonly Row[]> {
  const bytes = assemble(initialisedGuest);
  const firstUs: number[] = [];
  const nextUs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    using engine = new Engine();
    const loaded = engine.load(bytes);
    const world = new World();
    const startedAtMs = performance.now();
    const { report } = await engine.run(loaded, { world });
    if (report.error !== undefined) throw new Error(`Cannot measure: ${report.error.detail}`);
    firstUs.push((performance.now() - startedAtMs) * 1_000);
    nextUs.push(await measureRun(bytes, 'cards', 1_000));
  }
  return [
    { name: 'first run of a guest that is initialised', value: median(firstUs), unit: 'us' },
    {
      name: 'run of a guest that is initialised',
      value: median(nextUs),
      unit: 'us',
      goal: { atMost: 1_000 },
    },
  ];
}

async function measureLarge(rounds: number): Promise<readonly Row[]> {
  if (PageMapper.open() === undefined) return [];
  const large = assemble(largeGuest);
  const copiedUs: number[] = [];
  const mappedUs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    copiedUs.push(await measureRun(large, 'copy', 50));
    mappedUs.push(await measureRun(large, 'copy-on-write', 500));
  }
  const ratios = copiedUs.map((each, round) => each / (mappedUs[round] ?? Number.NaN));
  return [
    { name: '10 MB guest restored by copying', value: median(copiedUs), unit: 'us' },
    { name: '10 MB guest restored by mapping', value: median(mappedUs), unit: 'us' },
    { name: 'mapping against copying', value: median(ratios), unit: 'x', goal: { atLeast: 5 } },
  ];
}

/** In processes of their own, because what they leave behind would burden the others. */
function measureMany(): readonly Row[] {
  const many = runSuspended('--count', '10000');
  const deep = runSuspended('--count', '500', '--depth', '14000');
  return [
    {
      name: '10,000 waiting guests',
      value: many.waitingBytes / mib,
      unit: 'MiB',
      goal: { atMost: 300 },
    },
    {
      name: 'memory per idle guest of one page',
      value: many.idleBytesPerGuest / 1024,
      unit: 'KiB',
    },
    { name: '500 guests that wait 14,000 calls deep', value: deep.waitingBytes / mib, unit: 'MiB' },
  ];
}

interface SuspendedFacts {
  readonly waitingBytes: number;
  readonly idleBytesPerGuest: number;
}

function runSuspended(...args: readonly string[]): SuspendedFacts {
  const program = fileURLToPath(new URL('./suspended.ts', import.meta.url));
  return JSON.parse(execFileSync(process.execPath, [program, ...args], { encoding: 'utf8' }));
}
