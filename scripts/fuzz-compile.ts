/**
 * Draws modules that are dear to compile, has them judged as the daemon does, and compiles what was
 * accepted once more: the compilers that may have a module must stay within the bounds that
 * accepted it, and no module may end a process that was to compile it. Exit code 1: one does.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createCatalogue } from '../src/abi/catalogue.ts';
import { defaultLimits } from '../src/config/config.ts';
import { buildArtifact, formsOf } from '../src/deploy/build/artifact.ts';
import { Trial, type TrialSubject } from '../src/deploy/build/trial.ts';
import { type Compiler, runTrial } from '../src/deploy/build/trial-process.ts';
import type { TrialBounds } from '../src/deploy/build/trial-watch.ts';
import { TerrafirmaError } from '../src/errors.ts';
import type { OwnerKey } from '../src/names.ts';
import { readScriptLine } from './command-line.ts';
import { drawCostly } from './fuzz/costly.ts';

const { flags } = readScriptLine({
  command: 'npm run fuzz:compile --',
  about:
    'Draws modules that are dear to compile, has them judged as the daemon does, and compiles\n' +
    'what was accepted once more, within the bounds that accepted it.',
  flags: {
    seconds: { kind: 'number', fallback: 60, means: 'How long' },
    seed: { kind: 'number', fallback: 1, isWhole: true, means: 'The first seed' },
    keep: { kind: 'text', value: 'DIR', means: 'Where to put modules that were complained about' },
  },
});

/** Twice of what one function may take, because a second run is another run. */
const functionCpuMsMax: Readonly<Record<Compiler, number>> = { baseline: 2_000, optimiser: 6_000 };
const secondBounds: Omit<TrialBounds, 'functionCpuMsMax'> = {
  cpuMsMax: 120_000,
  residentBytesMax: 4 * 1024 ** 3,
  functionBytesMax: 512 * 1024 ** 2,
  wallMsMax: 600_000,
};

const judge = createCatalogue(defaultLimits).judgeModule;
const trial = new Trial();
const counts = { refused: 0, baseline: 0, optimised: 0 };

/** What the daemon would make of the module; undefined: it refuses it. */
function build(bytes: Uint8Array<ArrayBuffer>): TrialSubject | undefined {
  try {
    const artifact = buildArtifact(bytes, { limits: defaultLimits, judge });
    const { cores, importedFunctionCount = 0 } = artifact;
    const source = { bytes, importedFunctionCount };
    return { forms: formsOf(cores), source, owner: '/fuzz/owner' as OwnerKey };
  } catch (error) {
    if (error instanceof TerrafirmaError && error.code === 'module-refused') return undefined;
    throw error;
  }
}

/** Which compilers may have the module, after all that a daemon does; none: it is refused. */
async function acceptedCompilers(subject: TrialSubject): Promise<readonly Compiler[]> {
  try {
    await trial.admit(subject);
    const verdict = await trial.optimise(subject);
    return verdict.kind === 'bounded' ? ['baseline', 'optimiser'] : ['baseline'];
  } catch (error) {
    if (error instanceof TerrafirmaError && error.code === 'module-refused') return [];
    throw error;
  }
}

/** What is wrong with the verdict on this module; undefined: nothing. */
async function complain(bytes: Uint8Array<ArrayBuffer>): Promise<string | undefined> {
  const subject = build(bytes);
  const compilers = subject === undefined ? [] : await acceptedCompilers(subject);
  if (compilers.length === 0) counts.refused += 1;
  else counts[compilers.length === 1 ? 'baseline' : 'optimised'] += 1;
  for (const compiler of compilers) {
    const { forms = [] } = subject ?? {};
    const bounds = { ...secondBounds, functionCpuMsMax: functionCpuMsMax[compiler] };
    const task = { compiler, forms, bounds };
    const ending = await runTrial(task, new AbortController().signal);
    if (ending.kind === 'failed') return `${compiler}: accepted, then ${ending.received}`;
  }
  return undefined;
}

async function main(): Promise<number> {
  const deadlineMs = performance.now() + flags.seconds * 1_000;
  let seed = flags.seed;
  for (; performance.now() < deadlineMs; seed += 1) {
    const { bytes, what } = drawCostly(seed);
    const complaint = await complain(bytes);
    if (complaint === undefined) continue;
    console.error(`seed ${seed}, ${what}: ${complaint}`);
    if (flags.keep !== undefined) {
      writeFileSync(path.join(flags.keep, `costly-${seed}.wasm`), bytes);
    }
    return 1;
  }
  console.log(`nothing found in seeds ${flags.seed} to ${seed - 1}: ${JSON.stringify(counts)}`);
  return 0;
}

process.exitCode = await main();
await trial.close();
