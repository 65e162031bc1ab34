/**
 * Official suites against this project. Touches the file system and, for `spec`, npm.
 *
 *   node scripts/conformance.ts spec DIR [--assembler FILE] [--only NAME] [--verbose]
 *
 * DIR holds the .wast files of https://github.com/WebAssembly/testsuite. FILE: a module with
 * `parse`, in place of the one that is fetched; see `conformance/assembler.ts`.
 *
 *   node scripts/conformance.ts wasi DIR
 *
 * DIR is a copy of https://github.com/WebAssembly/wasi-testsuite with its programs built, such as
 * its branch `prod/testsuite-base`; see `conformance/wasi.ts`.
 *
 *   node scripts/conformance.ts wasi3 DIR [--only NAME]
 *
 * The same copy: its programs of WASI 0.3; see `conformance/wasi3.ts`.
 *
 *   node scripts/conformance.ts components DIR [--wasm-tools FILE] [--only NAME]
 *
 * DIR is the folder `test` of https://github.com/WebAssembly/component-model, or wasmtime's
 * `tests/misc_testsuite`; FILE: the program
 * `wasm-tools`, where it is not on the path; see `conformance/components.ts`.
 *
 *   node scripts/conformance.ts vectors DIR [--count N] [--seed N] [--python FILE]
 *
 * DIR is its folder `design/mvp/canonical-abi`; see `conformance/vectors.ts`.
 *
 *   node scripts/conformance.ts http-wasm DIR
 *
 * DIR is a copy of https://github.com/http-wasm/http-wasm-host-go; needs Go; see
 * `conformance/http-wasm.ts`.
 *
 *   node scripts/conformance.ts oracle DIR [--wasmtime FILE]
 *
 * DIR holds components; FILE: the program `wasmtime`, where it is not on the path; see
 * `conformance/oracle.ts`.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineWorld } from '../test/conformance/spec/engine-world.ts';
import { type Assemble, type ScriptReport, ScriptRunner } from '../test/conformance/spec/script.ts';
import { meteredWorld } from '../test/conformance/spec/world.ts';
import { readScriptLine } from './command-line.ts';
import { openAssembler } from './conformance/assembler.ts';
import { checkComponents } from './conformance/components.ts';
import { checkHttpWasm } from './conformance/http-wasm.ts';
import { checkOracle } from './conformance/oracle.ts';
import { checkVectors } from './conformance/vectors.ts';
import { checkWasi } from './conformance/wasi.ts';
import { checkWasi03, wasi03Folder } from './conformance/wasi3.ts';

/** Failures that stay, each with its reason: `file.wast` → text of the failure → reason. */
type SkipList = Readonly<Record<string, Readonly<Record<string, string>>>>;

const skipPath = new URL('../test/conformance/spec-skip.json', import.meta.url);

function findScripts(directory: string): string[] {
  const here = readdirSync(directory).filter((name) => name.endsWith('.wast'));
  const legacy = readdirSync(join(directory, 'legacy')).map((name) => join('legacy', name));
  return [...here, ...legacy].filter((name) => name.endsWith('.wast')).toSorted();
}

interface Totals {
  modules: number;
  actions: number;
  restored: number;
  engineRuns: number;
  refused: number;
  failures: number;
  skipped: number;
}

/** Adds a report to the totals; answers the failures without a reason and reasons not needed. */
function judge(report: ScriptReport, reasons: SkipList[string], totals: Totals): string[] {
  const known = new Set(Object.keys(reasons));
  const unknown = report.failures.filter((failure) => !known.has(failure));
  const healed = [...known].filter((failure) => !report.failures.includes(failure));
  totals.modules += report.moduleCount;
  totals.actions += report.actionCount;
  totals.restored += report.restoredCount;
  totals.engineRuns += report.engineRunCount;
  totals.refused += report.refused.length;
  totals.skipped += report.failures.length - unknown.length;
  totals.failures += unknown.length + healed.length;
  return [...unknown, ...healed.map((failure) => `passes now, remove its skip: ${failure}`)];
}

async function runSpec(directory: string, assemble: Assemble): Promise<number> {
  const skips = JSON.parse(readFileSync(skipPath, 'utf8')) as SkipList;
  const totals: Totals = {
    modules: 0,
    actions: 0,
    restored: 0,
    engineRuns: 0,
    refused: 0,
    failures: 0,
    skipped: 0,
  };
  for (const cards of [false, true]) {
    const world = meteredWorld(cards);
    using engine = new EngineWorld(cards ? 'cards' : 'copy');
    for (const name of findScripts(directory)) {
      if (flags.only !== undefined && !name.includes(flags.only)) continue;
      const text = readFileSync(join(directory, name), 'utf8');
      const report = await new ScriptRunner(text, { metered: world, engine }, assemble).run();
      const problems = judge(report, skips[name] ?? {}, totals);
      for (const problem of problems) console.log(`${world.name}: ${name}: ${problem}`);
      if (flags.verbose) for (const each of report.refused) console.log(`${name}: ${each}`);
    }
  }
  console.log(
    `${totals.modules} modules, ${totals.actions} actions, ${totals.restored} restored and run ` +
      `again, ${totals.engineRuns} runs in the engine, ${totals.refused} not run, ` +
      `${totals.skipped} skipped, ${totals.failures} failed`,
  );
  return totals.failures === 0 ? 0 : 1;
}

interface Suite {
  /** What follows its name on the command line. */
  readonly usage: string;
  /** What DIR is. */
  readonly source: string;
  /** A file or folder that DIR has where it is the right one; none: any folder. */
  readonly landmark?: string;
  readonly run: (directory: string) => Promise<number>;
}

const suites: Readonly<Record<string, Suite>> = {
  spec: {
    usage: 'DIR [--assembler FILE] [--only NAME] [--verbose]',
    source: 'a copy of github.com/WebAssembly/testsuite',
    landmark: 'legacy',
    run: async (directory) => await runSpec(directory, await openAssembler(flags.assembler)),
  },
  wasi: {
    usage: 'DIR',
    source: 'a copy of github.com/WebAssembly/wasi-testsuite, branch prod/testsuite-base',
    landmark: 'tests',
    run: checkWasi,
  },
  wasi3: {
    usage: 'DIR [--only NAME]',
    source: 'a copy of github.com/WebAssembly/wasi-testsuite, branch prod/testsuite-base',
    landmark: wasi03Folder,
    run: (directory) => checkWasi03(directory, flags.only),
  },
  components: {
    usage: 'DIR [--wasm-tools FILE] [--only NAME]',
    source: 'test/ of github.com/WebAssembly/component-model, or tests/misc_testsuite of wasmtime',
    run: (directory) => {
      const { only, 'wasm-tools': wasmTools } = flags;
      return checkComponents(directory, { wasmTools, only });
    },
  },
  vectors: {
    usage: 'DIR [--count N] [--seed N] [--python FILE]',
    source: 'design/mvp/canonical-abi of github.com/WebAssembly/component-model',
    landmark: 'definitions.py',
    run: (directory) => {
      const { python, count, seed } = flags;
      return checkVectors(directory, { python, count, seed });
    },
  },
  'http-wasm': {
    usage: 'DIR',
    source: 'a copy of github.com/http-wasm/http-wasm-host-go; needs Go',
    landmark: 'tck',
    run: checkHttpWasm,
  },
  oracle: {
    usage: 'DIR [--wasmtime FILE]',
    source: 'a folder of components',
    run: (directory) => checkOracle(directory, { wasmtime: flags.wasmtime }),
  },
};

function usage(): string {
  const lines = Object.entries(suites).map(
    ([name, each]) => `  npm run conformance -- ${name} ${each.usage}\n      DIR: ${each.source}\n`,
  );
  return `Official suites against this project:\n${lines.join('')}`;
}

/** Says what must be done first, and ends. */
function refuse(rule: string, received: string): never {
  process.stderr.write(`Cannot run a suite: ${rule}: received ${received}\n${usage()}`);
  process.exit(2);
}

/** The exit code. A program that is not there is said to be so; all else is thrown on. */
async function run(suite: Suite, directory: string): Promise<number> {
  try {
    return await suite.run(directory);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && 'path' in error)) throw error;
    if (error.code !== 'ENOENT' || !/^spawn/.test(`${'syscall' in error && error.syscall}`)) {
      throw error;
    }
    return refuse(
      `the program ${error.path} must be on the PATH, or where a flag below says`,
      'none',
    );
  }
}

const { flags, rest } = readScriptLine({
  command: 'npm run conformance --',
  about: usage(),
  flags: {
    assembler: { kind: 'text', value: 'FILE', means: 'A module with `parse`, for spec' },
    count: { kind: 'number', fallback: 100_000, min: 1, isWhole: true, means: 'Of vectors' },
    only: { kind: 'text', value: 'NAME', means: 'What has it in its name' },
    python: { kind: 'text', value: 'FILE', fallback: 'python3', means: 'The program' },
    seed: { kind: 'number', fallback: 1, isWhole: true, means: 'Of the first vector' },
    verbose: { kind: 'switch', means: 'Name what is not run' },
    wasmtime: { kind: 'text', value: 'FILE', fallback: 'wasmtime', means: 'The program' },
    'wasm-tools': { kind: 'text', value: 'FILE', fallback: 'wasm-tools', means: 'The program' },
  },
  rest: { usage: 'SUITE DIR', max: 2 },
});
const [name = 'none', directory] = rest;
const suite = Object.hasOwn(suites, name) ? suites[name] : undefined;
if (suite === undefined) {
  refuse('it must be one of the suites below', name);
} else if (directory === undefined) {
  refuse(`DIR must be ${suite.source}`, 'none');
} else if (!existsSync(join(directory, suite.landmark ?? '.'))) {
  const missing = suite.landmark === undefined ? '' : `, which has no ${suite.landmark}`;
  refuse(`DIR must be ${suite.source}`, `${directory}${missing}`);
} else {
  // A guest of a suite may have left something running that no budget ends.
  process.exit(await run(suite, directory));
}
