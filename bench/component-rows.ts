/**
 * Components of common kits behind the daemon, fresh state for each request, beside `wasmtime
 * serve` with a new instance for each, and an empty server; all on one thread. Touches the file
 * system, other processes and loopback.
 *
 * COMPONENT_GUESTS names a folder with any of the files below; docs/guests/components.md says how
 * they are built. Beside them: chains of middleware, and what ten thousand services hold that wait.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { measureChains } from './chain-rows.ts';
import type { DaemonPlan } from './daemon-rows.ts';
import { measureFirstAnswer } from './first-answer.ts';
import { measureOther, measureRate, settle, settlingRows } from './load.ts';
import { median, medianRatio, type Row } from './report.ts';
import { askUntil, BenchFolder, Server } from './servers.ts';
import { measureWaiting } from './waiting-rows.ts';
import { isWasmtimeInstalled, Wasmtime } from './wasmtime-server.ts';

const connections = 32;
/** Of large ones on a busy machine, until V8 has optimised what serves them. */
const answerSMax = 10;
/** Both answer to it with a greeting. */
const target = '/hello';

interface Guest {
  readonly file: string;
  readonly name: string;
  /** Of `wasmtime serve`. */
  readonly options: readonly string[];
  /** How many times as many requests as Wasmtime answers. */
  readonly overWasmtime: number;
  readonly overEmpty?: number;
  readonly firstAnswerMsMax: number;
}

const fresh = ['-O', 'pooling-allocator=y', '-Scli'];

const guests: readonly Guest[] = [
  {
    file: 'rust.wasm',
    name: 'Rust, WASI 0.2',
    options: fresh,
    overWasmtime: 2.5,
    overEmpty: 0.45,
    firstAnswerMsMax: 150,
  },
  {
    // Wasmtime keeps an instance of 0.3 for many requests.
    file: 'rust3.wasm',
    name: 'Rust, WASI 0.3',
    options: [...fresh, '-Sp3'],
    overWasmtime: 1.2,
    overEmpty: 0.45,
    firstAnswerMsMax: 150,
  },
  {
    file: 'javascript.wasm',
    name: 'JavaScript',
    options: fresh,
    overWasmtime: 3,
    firstAnswerMsMax: 1_500,
  },
  { file: 'python.wasm', name: 'Python', options: fresh, overWasmtime: 3, firstAnswerMsMax: 1_500 },
];

export async function measureComponents(plan: DaemonPlan): Promise<readonly Row[]> {
  const folder = process.env.COMPONENT_GUESTS;
  const present =
    folder === undefined ? [] : guests.filter(({ file }) => existsSync(path.join(folder, file)));
  if (folder === undefined || present.length === 0) {
    const none = { name: 'components', value: Number.NaN, unit: 'COMPONENT_GUESTS names none' };
    return [none, ...(await measureChains(plan)), waitingRow()];
  }
  await using empty = await Server.empty();
  const rows: Row[] = [];
  for (const guest of present) {
    rows.push(...(await measureGuest(path.join(folder, guest.file), guest, { plan, empty })));
  }
  rows.push(...(await measureChains(plan)), waitingRow());
  return rows;
}

function waitingRow(): Row {
  const value = measureWaiting('component-0.3');
  return { name: '10,000 waiting services of WASI 0.3', value, unit: 'MiB', goal: { atMost: 400 } };
}

async function measureGuest(
  file: string,
  guest: Guest,
  { plan, empty }: { readonly plan: DaemonPlan; readonly empty: Server },
): Promise<readonly Row[]> {
  const { name, options, overWasmtime, overEmpty, firstAnswerMsMax } = guest;
  const firstAnswer = await measureFirstAnswer({
    ...{ name, file, path: target, rounds: plan.rounds, msMax: firstAnswerMsMax },
    isExpected: () => true,
  });
  using folder = new BenchFolder();
  await using daemon = await Server.daemon(folder.directory);
  const ours = `${daemon.url}/app.wasm${target}`;
  folder.put(file, 'app.wasm');
  await askUntil(ours, () => true);
  const untilOptimised = await daemon.secondsUntilTold('module-optimised');
  await using wasmtime = isWasmtimeInstalled() ? await Wasmtime.start(file, options) : undefined;
  const theirs = wasmtime === undefined ? undefined : `${wasmtime.url}${target.slice(1)}`;
  if (theirs !== undefined) await askUntil(theirs, () => true);
  wasmtime?.sleeper.sleep();
  const load = { connections, seconds: plan.seconds, answerSMax };
  const found = { ours: [] as number[], theirs: [] as number[], empty: [] as number[] };
  const settling = await settle(ours, { connections, answerSMax });
  for (let round = 0; round < plan.rounds; round += 1) {
    found.ours.push(await measureRate(ours, load));
    found.empty.push(await measureRate(empty.url, load));
    if (wasmtime === undefined || theirs === undefined) continue;
    found.theirs.push(await wasmtime.sleeper.whileAwake(() => measureOther(theirs, load)));
  }
  const againstEmpty = medianRatio(found.ours, found.empty);
  return [
    { name: `${name}: fresh state each`, value: median(found.ours), unit: 'requests/s' },
    {
      name: `${name}: against an empty server`,
      value: againstEmpty,
      unit: 'x',
      ...(overEmpty === undefined ? {} : { goal: { atLeast: overEmpty } }),
    },
    ...rowsAgainst(name, { found, overWasmtime }),
    ...firstAnswer,
    ...settlingRows(name, untilOptimised, settling),
  ];
}

function rowsAgainst(
  name: string,
  {
    found,
    overWasmtime,
  }: {
    readonly found: { readonly ours: readonly number[]; readonly theirs: readonly number[] };
    readonly overWasmtime: number;
  },
): readonly Row[] {
  if (found.theirs.length === 0) {
    return [{ name: `${name}: wasmtime serve`, value: Number.NaN, unit: 'not installed' }];
  }
  return [
    { name: `${name}: wasmtime serve`, value: median(found.theirs), unit: 'requests/s' },
    {
      name: `${name}: against wasmtime serve`,
      value: medianRatio(found.ours, found.theirs),
      unit: 'x',
      goal: { atLeast: overWasmtime },
    },
  ];
}
