/**
 * `npm run attack`: starts a daemon, attacks it as strangers would, and tells what Alice, who has
 * nothing to do with it, notices.
 *
 *   npm run attack -- [--only NAMES] [--seconds N] [--together] [--turns | --waits]
 *     [--json FILE]
 *
 * NAMES: some of the attacks, with commas; all by default, one after the other. `--together`: all
 * the named at once. `--turns`: also who had the cores, and what the longest turns of each thread's
 * event loop were spent on, by CPU time. `--waits`: also where the slowest of Alice's requests
 * waited, and what their thread did meanwhile. Neither waits for memory to come back, and what is
 * said of that means nothing then. Exit code 1: a bar was missed.
 */
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import type { Attack } from './attack/attack.ts';
import { barsFor, judge, type Measured, mib, ms, quantile } from './attack/bars.ts';
import { attacks } from './attack/catalogue.ts';
import { runTrial } from './attack/trial.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    seconds: { type: 'string', default: '20' },
    together: { type: 'boolean', default: false },
    turns: { type: 'boolean', default: false },
    waits: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});

function choose(names: string | undefined): readonly Attack[] {
  if (names === undefined) return attacks;
  return names.split(',').map((name) => {
    const attack = attacks.find((each) => each.name === name);
    if (attack !== undefined) return attack;
    const known = attacks.map((each) => each.name).join(', ');
    throw new RangeError(`Cannot attack: one of ${known}: received ${name}`);
  });
}

/** One line of the table. */
function describe(measured: Measured): string {
  const { without, during } = measured;
  const change = (share: number): string =>
    `${ms(quantile(without.latenciesMs, share))} → ${ms(quantile(during.latenciesMs, share))}`;
  return [
    `p50 ${change(0.5)}`,
    `p99 ${change(0.99)} (her page ${ms(quantile(during.pagesMs, 0.99))})`,
    `store ${ms(quantile(without.storesMs, 0.5))} → ${ms(quantile(during.storesMs, 0.5))}`,
    `deploy ${ms(Math.max(0, ...during.deploysMs))}`,
    `first visit ${ms(Math.max(0, ...during.firstVisitsMs))}`,
    `resident ${mib(measured.residentStartBytes)} → ${mib(measured.residentMaxBytes)} → ` +
      mib(measured.residentEndBytes),
    `end ${measured.drainMs === undefined ? 'killed' : ms(measured.drainMs)}`,
    // What others do on the machine: without it the times say little.
    `load ${(loadavg()[0] ?? 0).toFixed(1)}`,
  ].join(', ');
}

function watched(): 'turns' | 'waits' | undefined {
  if (values.turns && values.waits) {
    throw new RangeError('Cannot attack: --turns or --waits: received both');
  }
  if (values.turns) return 'turns';
  return values.waits ? 'waits' : undefined;
}

const chosen = choose(values.only);
const trials = values.together ? [chosen] : chosen.map((attack) => [attack]);
const results: unknown[] = [];
let missed = 0;
for (const trial of trials) {
  const name = trial.map((attack) => attack.name).join(' + ');
  const what = trial.length === 1 ? ` (${trial[0]?.what})` : '';
  const { seen, ...measured } = await runTrial(trial, {
    seconds: Number(values.seconds),
    watches: watched(),
  });
  const faults = judge(measured, barsFor(trial.length));
  if (faults.length > 0) missed += 1;
  console.log(`${faults.length === 0 ? 'held' : 'HURT'}: ${name}${what}`);
  console.log(`  ${describe(measured)}`);
  for (const fault of faults) console.log(`  - ${fault}`);
  for (const line of seen) console.log(line);
  results.push({ name, faults, measured });
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
console.log(`${trials.length - missed} held, ${missed} hurt`);
process.exitCode = missed === 0 ? 0 : 1;
