/**
 * Compares original and metered modules at random, and calls the functions of Fastly Compute with
 * arguments at random, or damages components, until the time is over or something is wrong.
 */
import { fuzzFastly } from '../test/support/fastly-fuzz.ts';
import { checkGenerated, checkMutated } from '../test/wasm/fuzz/compare.ts';
import { componentSamples } from '../test/wasm/fuzz/component-samples.ts';
import { damageComponent } from '../test/wasm/fuzz/components.ts';
import { readScriptLine, refuseScriptLine } from './command-line.ts';

const line = {
  command: 'npm run fuzz --',
  about:
    'Compares original and metered modules at random, and calls the functions of Fastly Compute\n' +
    'with arguments at random. With "components": damages components, which must be refused or\n' +
    'be right.',
  flags: {
    seconds: { kind: 'number', fallback: 10, means: 'How long' },
    seed: { kind: 'number', fallback: 1, isWhole: true, means: 'The first seed' },
  },
  rest: { usage: '[components]', max: 1 },
} as const;
const { flags, rest } = readScriptLine(line);
const [what] = rest;

const fastlyCalls = 2_000;

async function main(): Promise<number> {
  const deadlineMs = performance.now() + flags.seconds * 1000;
  let seed = flags.seed;
  for (; performance.now() < deadlineMs; seed++) {
    for (const check of [checkGenerated, checkMutated]) {
      const complaint = check(seed);
      if (complaint === undefined) continue;
      console.error(`${check.name}, seed ${seed}: ${complaint}`);
      return 1;
    }
    const { complaint } = await fuzzFastly(seed, fastlyCalls);
    if (complaint === undefined) continue;
    console.error(`fastly, seed ${seed}: ${complaint}`);
    return 1;
  }
  console.log(`nothing found in seeds ${flags.seed} to ${seed - 1}`);
  return 0;
}

function damageComponents(): number {
  const samples = componentSamples();
  const deadlineMs = performance.now() + flags.seconds * 1000;
  let accepted = 0;
  let seed = flags.seed;
  for (; performance.now() < deadlineMs; seed++) {
    const { isAccepted, complaint } = damageComponent(samples, seed);
    if (isAccepted) accepted += 1;
    if (complaint === undefined) continue;
    console.error(`components, seed ${seed}: ${complaint}`);
    return 1;
  }
  const last = seed - 1;
  console.log(`nothing found in seeds ${flags.seed} to ${last}, of which ${accepted} are accepted`);
  return 0;
}

if (what !== undefined && what !== 'components') {
  refuseScriptLine(line, `beside the flags: components: received ${what}`);
}
process.exitCode = what === undefined ? await main() : damageComponents();
