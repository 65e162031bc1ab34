/**
 * Compares original and metered modules at random, and calls the functions of Fastly Compute with
 * arguments at random, until the time is over or something is wrong.
 *
 *   node scripts/fuzz.ts [--seconds N] [--seed S]
 *   node scripts/fuzz.ts components [--seconds N] [--seed S]
 *
 * The second damages components, which must be refused or be right.
 */
import { parseArgs } from 'node:util';
import { fuzzFastly } from '../test/support/fastly-fuzz.ts';
import { checkGenerated, checkMutated } from '../test/wasm/fuzz/compare.ts';
import { componentSamples } from '../test/wasm/fuzz/component-samples.ts';
import { damageComponent } from '../test/wasm/fuzz/components.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
  },
});

const fastlyCalls = 2_000;

async function main(): Promise<number> {
  const deadlineMs = performance.now() + Number(values.seconds) * 1000;
  let seed = Number(values.seed);
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
  console.log(`nothing found in seeds ${values.seed} to ${seed - 1}`);
  return 0;
}

function damageComponents(): number {
  const samples = componentSamples();
  const deadlineMs = performance.now() + Number(values.seconds) * 1000;
  let accepted = 0;
  let seed = Number(values.seed);
  for (; performance.now() < deadlineMs; seed++) {
    const { isAccepted, complaint } = damageComponent(samples, seed);
    if (isAccepted) accepted += 1;
    if (complaint === undefined) continue;
    console.error(`components, seed ${seed}: ${complaint}`);
    return 1;
  }
  const last = seed - 1;
  console.log(
    `nothing found in seeds ${values.seed} to ${last}, of which ${accepted} are accepted`,
  );
  return 0;
}

process.exitCode = positionals[0] === 'components' ? damageComponents() : await main();
