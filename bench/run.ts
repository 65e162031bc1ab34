/**
 * `npm run bench`: ours beside others, in one run. Prints a table, writes JSON where asked, and
 * says which ratios are worse than in the recorded baseline.
 *
 *   npm run bench -- [--rounds N] [--seconds N] [--only GROUPS]
 *                    [--json FILE] [--record]
 *
 * GROUPS: some of engine, cpu, rewriting, daemon, guests, store, cache, cluster, tls, upload,
 * streams, wasmtime, components, fastly, sites, workerd, with commas; all but the last two by
 * default. `fastly` needs FASTLY_GUESTS, and compares with VICEROY where that names the program;
 * `components` needs COMPONENT_GUESTS, and compares with WASMTIME. `cluster` needs NATS_SERVER.
 * `sites` takes six minutes and more, and so is left out unless asked for by name.
 *
 * `workerd` installs it from npm into a temporary folder, and is left out unless asked for by name.
 * Exit code 1: a ratio is clearly worse than the baseline.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { measureCache } from './cache-rows.ts';
import { measureCluster } from './cluster-rows.ts';
import { measureComponents } from './component-rows.ts';
import { measureCpu } from './cpu-rows.ts';
import { measureDaemon } from './daemon-rows.ts';
import { measureEngine } from './engine-rows.ts';
import { measureFastly } from './fastly-rows.ts';
import { measureGuests } from './guest-rows.ts';
import { generatorName } from './load.ts';
import { measureOperators } from './operator-rows.ts';
import { isPinned } from './pinning.ts';
import { compareToBaseline, formatTable, type Row, recordBaseline } from './report.ts';
import { measureRewriting } from './rewriting-rows.ts';
import { measureSites } from './sites-rows.ts';
import { measureStore } from './store-rows.ts';
import { measureStreams } from './stream-rows.ts';
import { measureTls } from './tls-rows.ts';
import { measureUpload } from './upload-rows.ts';
import { measureWasmtime } from './wasmtime.ts';
import { measureWorkerd } from './workerd.ts';

const groupsByDefault =
  'engine,cpu,rewriting,daemon,guests,store,cache,cluster,tls,upload,streams,' +
  'wasmtime,components,fastly';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    only: {
      type: 'string',
      default: groupsByDefault,
    },
    json: { type: 'string' },
    record: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);

const measures: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  engine: () => measureEngine(rounds),
  cpu: () => measureCpu(rounds),
  rewriting: () => measureRewriting(rounds),
  daemon: () => measureDaemon({ rounds, seconds }),
  guests: () => measureGuests({ rounds, seconds }),
  store: () => measureStore(rounds),
  cache: () => measureCache({ rounds, seconds }),
  cluster: () => measureCluster({ rounds, seconds }),
  operators: () => measureOperators({ rounds, seconds }),
  tls: () => measureTls({ rounds, seconds }),
  upload: () => measureUpload(rounds),
  streams: () => measureStreams(rounds),
  wasmtime: () => measureWasmtime({ rounds, seconds }),
  components: () => measureComponents({ rounds, seconds }),
  fastly: () => measureFastly({ rounds, seconds }),
  sites: () => measureSites({ rounds, seconds }),
  workerd: () => measureWorkerd({ rounds, seconds }),
};

const rows: Row[] = [];
for (const name of values.only.split(',')) {
  const measure = measures[name];
  if (measure === undefined) {
    throw new RangeError(
      `Cannot measure: one of ${Object.keys(measures).join(', ')}: received ${name}`,
    );
  }
  const found = await measure();
  rows.push(...found);
  console.log(formatTable(found));
}

const machine = {
  node: process.version,
  cores: availableParallelism(),
  load: loadavg()[0],
  generator: generatorName,
  isPinned,
};
console.log(JSON.stringify(machine));
if (values.json !== undefined) {
  writeFileSync(values.json, `${JSON.stringify({ machine, rows }, null, 2)}\n`);
}
if (values.record) recordBaseline(rows);
const worse = compareToBaseline(rows);
for (const { name, before, now } of worse) {
  console.log(`WORSE than recorded: ${name}: ${before} before, ${now.toPrecision(3)} now`);
}
process.exitCode = worse.length === 0 ? 0 : 1;
