/**
 * What a program of Fastly's kits costs without any server: `node bench/kit-costs.ts FILE` tells,
 * as JSON, in microseconds of CPU time and as medians,
 *
 *   runUs      a run in the engine, with what puts the instance back
 *   restoreUs  putting it back alone: all that a second request in the same state could save
 *   startUs    what the program does before it asks for the request: its runtime and the variables
 *              of its packages. In plain V8, neither counted nor marked, in a new instance whose
 *              pages are there already: the least that this takes anywhere
 *
 * Touches the file system.
 */
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { readScriptLine } from '../scripts/command-line.ts';
import { optimisingBudgetOf } from '../src/deploy/build/compile.ts';
import { Guest } from '../src/engine/guest.ts';
import { openThreadClock } from '../src/engine/turn/thread-clock.ts';
import { optimiseSoon } from '../src/threads/tier-up.ts';
import { Engine } from '../test/engine/world.ts';
import { World } from '../test/support/abi-world.ts';
import { PlainStart } from './plain-start.ts';
import { median } from './report.ts';

export interface KitCosts {
  readonly runUs: number;
  readonly restoreUs: number;
  readonly startUs: number;
}

/** V8 has settled by then, and optimised what serves a run, as in the daemon. */
const warmRuns = 5_000;
/** In an instance each, which takes longer than most starts. */
const warmStarts = 600;
const batches = 20;
const runsPerBatch = 50;
const target = '/hello';

/** Exact, where what the system tells of processes counts in ticks of its timer. */
const readCpu = openThreadClock();

async function measureRuns(bytes: Uint8Array): Promise<Pick<KitCosts, 'runUs' | 'restoreUs'>> {
  let restoringUs = 0;
  const { restore } = Guest.prototype;
  Guest.prototype.restore = function (...args) {
    const beforeMs = readCpu();
    const written = restore.apply(this, args);
    restoringUs += (readCpu() - beforeMs) * 1_000;
    return written;
  };
  using engine = new Engine({ restoreMode: 'cards' });
  const loaded = engine.load(bytes);
  const world = new World();
  const run = async (count: number): Promise<number> => {
    const beforeMs = readCpu();
    for (let done = 0; done < count; done += 1) {
      const { report } = await engine.run(loaded, { world, target });
      if (report.error !== undefined) throw new Error(`Cannot measure: ${report.error.detail}`);
    }
    world.logLines.length = 0;
    return ((readCpu() - beforeMs) * 1_000) / count;
  };
  await run(warmRuns);
  const runsUs: number[] = [];
  const restoresUs: number[] = [];
  for (let batch = 0; batch < batches; batch += 1) {
    restoringUs = 0;
    runsUs.push(await run(runsPerBatch));
    restoresUs.push(restoringUs / runsPerBatch);
  }
  return { runUs: median(runsUs), restoreUs: median(restoresUs) };
}

function measureStart(bytes: Uint8Array<ArrayBuffer>): number {
  const start = new PlainStart(bytes, readCpu);
  for (let run = 0; run < warmStarts; run += 1) start.run();
  const startsUs: number[] = [];
  for (let batch = 0; batch < batches; batch += 1) {
    let us = 0;
    for (let run = 0; run < runsPerBatch; run += 1) us += start.run();
    startsUs.push(us / runsPerBatch);
  }
  return median(startsUs);
}

const { rest } = readScriptLine({
  command: 'node bench/kit-costs.ts',
  about: 'What a program of Fastly’s kits costs without any server, in CPU time.',
  flags: {},
  rest: { usage: 'FILE', min: 1, max: 1 },
});
const bytes = Uint8Array.from(readFileSync(rest[0] ?? ''));
optimiseSoon();
setFlagsFromString(`--wasm-tiering-budget=${optimisingBudgetOf(bytes.length)}`);
const startUs = measureStart(bytes);
console.log(JSON.stringify({ ...(await measureRuns(bytes)), startUs } satisfies KitCosts));
