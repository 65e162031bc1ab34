/**
 * `npm run bench`: ours beside others, in one run. Prints a table, writes JSON where asked, and
 * says which ratios are worse than in the recorded baseline. `--help` says what groups there are.
 *
 * `node bench/publish.ts FILE…` writes what FILE holds into docs/performance.md and the README.
 *
 * A group that fails is told and left out, and so is a round in which a server failed that ours is
 * compared with. Exit code 1: a group failed, or a ratio is clearly worse than the baseline.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { readScriptLine, refuseScriptLine } from '../scripts/command-line.ts';
import { measureCache } from './cache-rows.ts';
import { measureCluster } from './cluster-rows.ts';
import { measureComponents } from './component-rows.ts';
import { measureCpu } from './cpu-rows.ts';
import { measureDaemon } from './daemon-rows.ts';
import { measureEngine } from './engine-rows.ts';
import { measureFastly } from './fastly-rows.ts';
import { measureFreshness } from './fresh-rows.ts';
import { measureGuests } from './guest-rows.ts';
import { generatorName } from './load.ts';
import { measureMetering } from './metering-rows.ts';
import { measureOperators } from './operator-rows.ts';
import { isPinned } from './pinning.ts';
import {
  compareToBaseline,
  formatTable,
  type Machine,
  type MeasuredGroup,
  type Report,
  type Row,
  recordBaseline,
} from './report.ts';
import { measureRewriting } from './rewriting-rows.ts';
import { sitesParts } from './sites-rows.ts';
import { measureStore } from './store-rows.ts';
import { measureStreams } from './stream-rows.ts';
import { measureThreads } from './threads-rows.ts';
import { measureTls } from './tls-rows.ts';
import { measureUpload } from './upload-rows.ts';
import { measureWaitingGuests } from './waiting-rows.ts';
import { measureWasi } from './wasi-rows.ts';
import { measureWasmtime } from './wasmtime.ts';
import { measureWorkerd } from './workerd.ts';

const groupsByDefault =
  'engine,cpu,metering,rewriting,daemon,fresh,threads,guests,wasi,store,cache,cluster,tls,' +
  'upload,streams,operators,wasmtime,components,waiting,fastly';

const line = {
  command: 'npm run bench --',
  about: `Ours beside others, side by side. GROUPS, with commas; these where it is left out:
  ${groupsByDefault.replaceAll(',', ' ')}

fastly      needs FASTLY_GUESTS, and compares with VICEROY where that names the program
components  needs COMPONENT_GUESTS, and compares with WASMTIME, as wasmtime does
cluster     needs NATS_SERVER
wasi        has a program in Go where CGI_GO_GUEST names it (bench/go-cgi), and as fastly VICEROY
sites       takes half an hour: by its name alone, or one of its parts, which take some minutes
            each: ${Object.keys(sitesParts).join(', ')}
workerd     is installed from npm into a temporary folder: by its name alone`,
  flags: {
    rounds: { kind: 'number', fallback: 3, min: 1, isWhole: true, means: 'Of each row' },
    seconds: { kind: 'number', fallback: 3, min: 0.1, means: 'Of each round' },
    only: { kind: 'text', value: 'GROUPS', means: 'Some of the groups' },
    json: { kind: 'text', value: 'FILE', means: 'Where to write all that was measured' },
    record: { kind: 'switch', means: 'Make it the baseline' },
  },
} as const;
const { flags } = readScriptLine(line);
const { rounds, seconds } = flags;

const measures: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  engine: () => measureEngine(rounds),
  cpu: () => measureCpu(rounds),
  metering: async () => measureMetering(),
  rewriting: () => measureRewriting(rounds),
  daemon: () => measureDaemon({ rounds, seconds }),
  fresh: () => measureFreshness({ rounds, seconds }),
  threads: () => measureThreads({ rounds, seconds }),
  guests: () => measureGuests({ rounds, seconds }),
  wasi: () => measureWasi({ rounds, seconds }),
  store: () => measureStore(rounds),
  cache: () => measureCache({ rounds, seconds }),
  cluster: () => measureCluster({ rounds, seconds }),
  operators: () => measureOperators({ rounds, seconds }),
  tls: () => measureTls({ rounds, seconds }),
  upload: () => measureUpload(rounds),
  streams: () => measureStreams(rounds),
  wasmtime: () => measureWasmtime({ rounds, seconds }),
  components: () => measureComponents({ rounds, seconds }),
  waiting: async () => measureWaitingGuests(),
  fastly: () => measureFastly({ rounds, seconds }),
  ...Object.fromEntries(
    Object.entries(sitesParts).map(([name, measure]) => [name, () => measure({ rounds, seconds })]),
  ),
  workerd: () => measureWorkerd({ rounds, seconds }),
};

const parts: Readonly<Record<string, readonly string[]>> = { sites: Object.keys(sitesParts) };
const names = (flags.only ?? groupsByDefault).split(',').flatMap((name) => parts[name] ?? [name]);
const wanted = names.map((name) => {
  const measure = measures[name];
  if (measure !== undefined) return { name, measure };
  const known = [...Object.keys(measures), ...Object.keys(parts)].join(', ');
  return refuseScriptLine(line, `--only takes ${known}: received ${name}`);
});
const groups: MeasuredGroup[] = [];
const failed: string[] = [];
for (const { name, measure } of wanted) {
  try {
    const found = await measure();
    groups.push({ name, rows: found });
    console.log(formatTable(found));
  } catch (error) {
    // An hour of other groups is not lost with it.
    failed.push(name);
    console.error(error);
  }
  keep(groups);
}
console.log(JSON.stringify(describeMachine()));
if (failed.length > 0) console.error(`NOT MEASURED: ${failed.join(', ')}`);
const rows = groups.flatMap((group) => group.rows);
if (flags.record) recordBaseline(rows);
const worse = compareToBaseline(rows);
for (const { name, before, now } of worse) {
  console.log(`WORSE than recorded: ${name}: ${before} before, ${now.toPrecision(3)} now`);
}
process.exitCode = worse.length === 0 && failed.length === 0 ? 0 : 1;

function describeMachine(): Machine {
  return {
    node: process.version,
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    load: loadavg()[0] ?? Number.NaN,
    generator: generatorName,
    isPinned,
  };
}

/** What is there so far, where `--json` asks for it. */
function keep(measured: readonly MeasuredGroup[]): void {
  if (flags.json === undefined) return;
  const report: Report = { machine: describeMachine(), rounds, seconds, groups: measured };
  writeFileSync(flags.json, `${JSON.stringify(report, null, 2)}\n`);
}
