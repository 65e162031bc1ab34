/**
 * What fresh state costs: a guest that is put back after each run, against the same guest in a
 * daemon that never does. That one is the packed program with two lines changed, so that nothing in
 * the product can be told to do it. Told is how many requests each could answer, from the CPU time
 * that it took for one: requests a second, counted one after the other, were 0.83 by the ratios of
 * three rounds and 1.00 by their medians. Touches the file system, other processes and loopback.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DaemonPlan, smallGuest } from './daemon-rows.ts';
import { packProgram } from './packed.ts';
import { median, medianRatio, type Row } from './report.ts';
import { BenchFolder, Server } from './servers.ts';
import { spendServing, usPerRequest, warmServing } from './serving-cpu.ts';

const connections = 32;
const path = '/small.wasm';

interface Change {
  /** In `dist`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Nothing is put back, and no store is marked for it. */
const changes: readonly Change[] = [
  {
    file: 'engine/guest.js',
    from: 'this.instance.restoreState();\n        return this.#snapshot?.restore();',
    to: 'return undefined;',
  },
  { file: 'engine/supply/pool.js', from: 'fixedMode: restoreMode,', to: "fixedMode: 'copy'," },
];

/** The program whose guests keep what every visitor left in them: for this measurement alone. */
function packReusing(): string {
  const program = packProgram(fileURLToPath(new URL('..', import.meta.url)));
  for (const { file, from, to } of changes) {
    const path = join(dirname(program), '../dist', file);
    const text = readFileSync(path, 'utf8');
    if (text.split(from).length !== 2) {
      throw new Error(`Cannot measure: ${file} must have one ${JSON.stringify(from)}`);
    }
    writeFileSync(path, text.replace(from, to));
  }
  return program;
}

export async function measureFreshness({ rounds, seconds }: DaemonPlan): Promise<readonly Row[]> {
  using folder = new BenchFolder();
  folder.put(smallGuest(), 'small.wasm');
  await using daemon = await Server.daemon(folder.directory);
  await using reusing = await Server.daemon(folder.directory, {}, packReusing());
  const servers = { fresh: daemon, kept: reusing };
  for (const server of Object.values(servers)) await warmServing(server, path);
  const found = { fresh: [] as number[], kept: [] as number[] };
  const measure = async (which: keyof typeof servers): Promise<void> => {
    const spent = await spendServing(servers[which], path, { connections, seconds });
    found[which].push(usPerRequest([spent]));
  };
  for (let round = 0; round < rounds; round += 1) {
    // Whatever becomes slower meanwhile is a disadvantage for each of them as often.
    const isEven = round % 2 === 0;
    await measure(isEven ? 'fresh' : 'kept');
    await measure(isEven ? 'kept' : 'fresh');
  }
  const unit = 'us';
  return [
    { name: 'CPU time for a request, put back after each run', value: median(found.fresh), unit },
    { name: 'CPU time for a request, never put back', value: median(found.kept), unit },
    {
      name: 'fresh state against none',
      value: medianRatio(found.kept, found.fresh),
      unit: 'x',
      goal: { atLeast: 0.93 },
    },
  ];
}
