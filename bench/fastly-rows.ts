/**
 * Programs of Fastly's kits, the JavaScript one 11 MB with its engine: fresh state for every
 * request, on the daemon as shipped with one serving thread, against the same JavaScript in
 * node:http and, where `VICEROY` names that program, against the vendor's local server. Needs
 * FASTLY_GUESTS, see scripts/build-fastly-guests.ts. Touches other processes and the file system.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DaemonPlan } from './daemon-rows.ts';
import { measureFirstAnswer } from './first-answer.ts';
import type { KitCosts } from './kit-costs.ts';
import { measureOther, measureRate, settle, settlingRows } from './load.ts';
import { placed } from './pinning.ts';
import { median, medianRatio, type Row } from './report.ts';
import { askUntil, BenchFolder, Server } from './servers.ts';
import { answer, path, Viceroy } from './viceroy.ts';

const connections = 32;
const unit = 'requests/s';
const usPerS = 1_000_000;
/** A second request in the same state could save as much and no more. */
const restoreUsMax = 200;
const costsProgram = fileURLToPath(new URL('./kit-costs.ts', import.meta.url));

interface Kit {
  readonly file: string;
  readonly language: string;
  /** How many times as many requests as the vendor's server answers. */
  readonly overVendor: number;
  /** Against a server that does the same in node:http; only JavaScript has one. */
  readonly overNode?: number;
  readonly firstAnswerMsMax?: number;
  /** Whether its runtime begins in the run, and not when it was built. */
  readonly beginsAnew?: boolean;
}

const kits: readonly Kit[] = [
  {
    file: 'javascript.wasm',
    language: 'JavaScript',
    overVendor: 5,
    overNode: 0.15,
    firstAnswerMsMax: 1_500,
  },
  { file: 'rust.wasm', language: 'Rust', overVendor: 5 },
  { file: 'go.wasm', language: 'Go', overVendor: 5, beginsAnew: true },
];

export async function measureFastly(plan: DaemonPlan): Promise<readonly Row[]> {
  const folder = process.env.FASTLY_GUESTS;
  const present =
    folder === undefined ? [] : kits.filter(({ file }) => existsSync(join(folder, file)));
  if (folder === undefined || present.length === 0) {
    return [{ name: 'Fastly kits', value: Number.NaN, unit: 'not built: set FASTLY_GUESTS' }];
  }
  const rows: Row[] = [];
  for (const kit of present) rows.push(...(await measureKit(join(folder, kit.file), kit, plan)));
  return rows;
}

async function measureKit(module: string, kit: Kit, plan: DaemonPlan): Promise<readonly Row[]> {
  const { language, firstAnswerMsMax: msMax } = kit;
  const firstAnswer = await measureFirstAnswer({
    name: `${language} kit`,
    file: module,
    path,
    isExpected: (text) => text === answer,
    rounds: plan.rounds,
    ...(msMax === undefined ? {} : { msMax }),
  });
  using folder = new BenchFolder();
  await using daemon = await Server.daemon(folder.directory);
  folder.write(readFileSync(module), 'index.wasm');
  const ours = `${daemon.url}${path}`;
  await askUntil(ours, (text) => text === answer);
  const untilOptimised = await daemon.secondsUntilTold('module-optimised');
  const rates = await measureRates(ours, { module, kit, untilOptimised, ...plan });
  return [...firstAnswer, ...rates, ...measureCosts(module, kit)];
}

/** In a process of its own, for which V8 has compiled nothing else. */
function measureCosts(module: string, { language, beginsAnew }: Kit): readonly Row[] {
  const [command, ...args] = placed('server', [process.execPath, costsProgram, module]);
  const costs: KitCosts = JSON.parse(execFileSync(command, args, { encoding: 'utf8' }));
  const name = `${language} kit: its start, which is done once, in plain V8`;
  const start: Row = { name, value: costs.startUs, unit: 'us' };
  return [
    { name: `${language} kit: a run in the engine, CPU time`, value: costs.runUs, unit: 'us' },
    {
      name: `${language} kit: putting it back`,
      value: costs.restoreUs,
      unit: 'us',
      goal: { atMost: restoreUsMax },
    },
    ...(beginsAnew === true ? [start] : []),
  ];
}

interface RatesPlan extends DaemonPlan {
  readonly module: string;
  readonly kit: Kit;
  /** Seconds, as `secondsUntilTold` has them. */
  readonly untilOptimised: number;
}

async function measureRates(
  ours: string,
  { module, kit, untilOptimised, rounds, seconds }: RatesPlan,
): Promise<readonly Row[]> {
  await using node = kit.overNode === undefined ? undefined : await Server.sameJavascript();
  await using viceroy = await Viceroy.start(module);
  const load = { connections, seconds };
  const rates = { ours: [] as number[], node: [] as number[], viceroy: [] as number[] };
  // The others had all compiled before they listened; what is JavaScript had not.
  if (node !== undefined) await settle(`${node.url}${path}`, { connections });
  const settling = await settle(ours, { connections });
  for (let round = 0; round < rounds; round += 1) {
    rates.ours.push(await measureRate(ours, load));
    if (node !== undefined) rates.node.push(await measureOther(`${node.url}${path}`, load));
    if (viceroy === undefined) continue;
    const { url, sleeper } = viceroy;
    rates.viceroy.push(await sleeper.whileAwake(() => measureOther(url, load)));
  }
  const { language, overVendor, overNode } = kit;
  return [
    { name: `${language} kit, fresh state each`, value: median(rates.ours), unit },
    ...compared(rates.ours, rates.node, {
      name: `the same ${language} in node:http`,
      ratio: `${language} kit against node:http`,
      atLeast: overNode ?? 0,
    }),
    ...compared(rates.ours, rates.viceroy, {
      name: `${language} kit on the vendor's server`,
      ratio: `${language} kit against the vendor's server`,
      atLeast: overVendor,
    }),
    ...leftFor(rates.viceroy, kit),
    ...settlingRows(`${language} kit`, untilOptimised, settling),
  ];
}

/** What there is for a request in all, where as many are to be answered as is wanted. */
function leftFor(vendors: readonly number[], { language, overVendor }: Kit): readonly Row[] {
  if (vendors.length === 0) return [];
  const name = `${language} kit: time for a request at ${overVendor} times the vendor's rate`;
  return [{ name, value: usPerS / (median(vendors) * overVendor), unit: 'us' }];
}

/** No rows where the other server did not run. */
function compared(
  ours: readonly number[],
  theirs: readonly number[],
  { name, ratio, atLeast }: { readonly name: string; readonly ratio: string; atLeast: number },
): readonly Row[] {
  if (theirs.length === 0) return [];
  return [
    { name, value: median(theirs), unit },
    { name: ratio, value: medianRatio(ours, theirs), unit: 'x', goal: { atLeast } },
  ];
}
