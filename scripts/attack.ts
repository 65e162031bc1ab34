/**
 * `npm run attack`: starts a daemon, attacks it as strangers would, and tells what Alice, who has
 * nothing to do with it, notices. `--help` says how. Exit code 1: a bar was missed.
 */
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import type { Attack } from './attack/attack.ts';
import { barsFor, judge, type Measured, mib, ms, quantile } from './attack/bars.ts';
import { attacks } from './attack/catalogue.ts';
import { runTrial } from './attack/trial.ts';
import { readScriptLine, refuseScriptLine } from './command-line.ts';

const line = {
  command: 'npm run attack --',
  about:
    'Starts a daemon, attacks it as strangers would, and tells what Alice, who has nothing to\n' +
    'do with it, notices: "without → with the attack" of her answers and of what she stores,\n' +
    'her slowest deploy and first visit, the memory of the daemon before, during and after, and\n' +
    'how long it took to end. HURT says which bar was missed. Neither --turns nor --waits\n' +
    'waits for memory to come back: what is said of that means nothing then.',
  flags: {
    list: { kind: 'switch', means: 'The attacks, and what each does; none is run' },
    only: { kind: 'text', value: 'NAMES', means: 'Some of the attacks, with commas' },
    seconds: { kind: 'number', fallback: 20, min: 1, means: 'How long each lasts' },
    together: { kind: 'switch', means: 'All of them at once' },
    turns: { kind: 'switch', means: 'Who had the cores, and what the longest turns went to' },
    waits: { kind: 'switch', means: 'Where the slowest of her requests waited' },
    json: { kind: 'text', value: 'FILE', means: 'Where to write all that was measured' },
  },
} as const;
const { flags } = readScriptLine(line);

function choose(names: string | undefined): readonly Attack[] {
  if (names === undefined) return attacks;
  return names.split(',').map((name) => {
    const attack = attacks.find((each) => each.name === name);
    if (attack !== undefined) return attack;
    const known = attacks.map((each) => each.name).join(', ');
    return refuseScriptLine(line, `--only takes names of ${known}: received ${name}`);
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
  if (flags.turns && flags.waits) {
    return refuseScriptLine(line, '--turns or --waits: received both');
  }
  if (flags.turns) return 'turns';
  return flags.waits ? 'waits' : undefined;
}

if (flags.list) {
  for (const { name, what } of attacks) console.log(`${name.padEnd(18)}${what}`);
  process.exit();
}
const chosen = choose(flags.only);
const trials = flags.together ? [chosen] : chosen.map((attack) => [attack]);
const results: unknown[] = [];
let missed = 0;
for (const trial of trials) {
  const name = trial.map((attack) => attack.name).join(' + ');
  const what = trial.length === 1 ? ` (${trial[0]?.what})` : '';
  const { seen, ...measured } = await runTrial(trial, {
    seconds: flags.seconds,
    watches: watched(),
  });
  const faults = judge(measured, barsFor(trial.length));
  if (faults.length > 0) missed += 1;
  console.log(`${faults.length === 0 ? 'held' : 'HURT'}: ${name}${what}`);
  console.log(`  ${describe(measured)}`);
  for (const fault of faults) console.log(`  - ${fault}`);
  for (const each of seen) console.log(each);
  results.push({ name, faults, measured });
}
if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(results, null, 2)}\n`);
console.log(`${trials.length - missed} held, ${missed} hurt`);
process.exitCode = missed === 0 ? 0 : 1;
