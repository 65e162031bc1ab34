/**
 * What fresh state costs, and what it saves to begin on the thread's own stack: a guest in the
 * daemon against the same guest in daemons that never put it back, and that always enter it by
 * JSPI. Those are the packed program with a line or two changed, so that nothing in the product can
 * be told to do it. Told is how many requests each could answer, from the CPU time
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
const reusing: readonly Change[] = [
  {
    file: 'engine/guest.js',
    from: 'this.instance.restoreState();\n        return this.#snapshot?.restore();',
    to: 'return undefined;',
  },
  { file: 'engine/supply/pool.js', from: 'fixedMode: restoreMode,', to: "fixedMode: 'copy'," },
];

/** Every entry is a call on a stack that can be suspended. */
const suspendable: readonly Change[] = [
  {
    file: 'engine/supply/pool.js',
    from: 'fixedAttempts: options.attempts,',
    to: "fixedAttempts: 'never',",
  },
];

/** The program with `changes`: for this measurement alone. */
function packChanged(changes: readonly Change[]): string {
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
  await using kept = await Server.daemon(folder.directory, {}, packChanged(reusing));
  await using byJspi = await Server.daemon(folder.directory, {}, packChanged(suspendable));
  const servers = { fresh: daemon, kept, byJspi };
  for (const server of Object.values(servers)) await warmServing(server, path);
  const found = { fresh: [] as number[], kept: [] as number[], byJspi: [] as number[] };
  const names = ['fresh', 'kept', 'byJspi'] as const;
  for (let round = 0; round < rounds; round += 1) {
    // Whatever becomes slower meanwhile is a disadvantage for each of them as often.
    for (const which of round % 2 === 0 ? names : names.toReversed()) {
      const spent = await spendServing(servers[which], path, { connections, seconds });
      found[which].push(usPerRequest([spent]));
    }
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
    { name: 'CPU time for a request, always by JSPI', value: median(found.byJspi), unit },
    {
      name: 'on the thread’s own stack, of that by JSPI',
      value: medianRatio(found.fresh, found.byJspi),
      unit: 'x',
    },
  ];
}
