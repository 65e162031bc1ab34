/**
 * What fresh state costs: a guest that is put back after each run, against the same guest in a
 * daemon that never does. That one is the packed program with two lines changed, so that nothing in
 * the product can be told to do it. Touches the file system, other processes and loopback.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DaemonPlan, smallGuest } from './daemon-rows.ts';
import { measureRate } from './load.ts';
import { packProgram } from './packed.ts';
import { median, medianRatio, type Row } from './report.ts';
import { askUntil, BenchFolder, Server } from './servers.ts';

const connections = 32;
const unit = 'requests/s';

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
  const load = { connections, seconds };
  const fresh: number[] = [];
  const kept: number[] = [];
  for (const { url } of [daemon, reusing]) {
    await askUntil(`${url}/small.wasm`, () => true);
    await measureRate(`${url}/small.wasm`, load);
  }
  for (let round = 0; round < rounds; round += 1) {
    fresh.push(await measureRate(`${daemon.url}/small.wasm`, load));
    kept.push(await measureRate(`${reusing.url}/small.wasm`, load));
  }
  return [
    { name: 'small guest, put back after each run', value: median(fresh), unit },
    { name: 'the same guest, never put back', value: median(kept), unit },
    {
      name: 'fresh state against none',
      value: medianRatio(fresh, kept),
      unit: 'x',
      goal: { atLeast: 0.93 },
    },
  ];
}
