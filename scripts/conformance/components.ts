/**
 * Runs the official suite of the component model against our reading of components, and what its
 * scripts call: plain, and metered with a restore between calls. Edge: reads the suite's folder,
 * and runs `wasm-tools`, which turns its text into binaries and a list of commands.
 *
 * DIR is the folder `test` of https://github.com/WebAssembly/component-model, or wasmtime's
 * `tests/misc_testsuite`, of which the scripts of components are run.
 *
 * What is known not to pass stands in `test/conformance/components-skip.json`, and in
 * `components-skip-wasmtime.json` for the other, with the reason; what stands there and passes is a
 * fault too.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TerrafirmaError } from '../../src/errors.ts';
import { decodeComponent, isComponent } from '../../src/wasm/component/decode.ts';
import { validateComponent } from '../../src/wasm/component/validate.ts';
import { inspectModule } from '../../src/wasm/inspect.ts';
import { EngineWorld } from '../../test/conformance/components/engine-world.ts';
import { type ScriptHost, withHost } from '../../test/conformance/components/hosted.ts';
import { suiteComponentLimits as limits } from '../../test/conformance/components/limits.ts';
import { PlainWorld } from '../../test/conformance/components/plain-world.ts';
import {
  type Part,
  partsOf,
  runScript,
  type SuiteCommand,
} from '../../test/conformance/components/script.ts';
import type { SuiteWorld } from '../../test/conformance/components/suite-world.ts';

const SKIP_LISTS = path.join(import.meta.dirname, '../../test/conformance');

/** What the scripts of components begin with among all that wasmtime has. */
const WASMTIME_PREFIX = 'component-model';

interface Report {
  /** Kind of command → how many passed. */
  readonly passed: Map<string, number>;
  /** `folder/file:line` → what went wrong. */
  readonly failed: Map<string, string>;
  /** Reason → how many lines. */
  readonly skipped: Map<string, number>;
}

export interface ComponentsOptions {
  readonly wasmTools: string;
  /** Part of the names of the scripts that are run; left out: all are. */
  readonly only: string | undefined;
}

const refusing: ReadonlySet<string> = new Set(['assert_invalid', 'assert_malformed']);
const accepting: ReadonlySet<string> = new Set(['module', 'module_definition']);

/** Prints the report; answers the exit code. */
export async function checkComponents(
  directory: string,
  { wasmTools, only }: ComponentsOptions,
): Promise<number> {
  const report: Report = { passed: new Map(), failed: new Map(), skipped: new Map() };
  using copying = new EngineWorld('copy');
  using marking = new EngineWorld('cards');
  const worlds = [new PlainWorld(), copying, marking];
  const host = readHost(wasmTools);
  const isWanted = (name: string): boolean => only === undefined || name.includes(only);
  for (const name of findScripts(directory).filter(isWanted)) {
    await checkScript(path.join(directory, name), { host, name, report, wasmTools, worlds });
  }
  for (const [place, reason] of readSkips(directory)) {
    if (!isWanted(place)) continue;
    const skipped = takeFailures(report, place);
    if (skipped > 0) {
      report.skipped.set(reason, (report.skipped.get(reason) ?? 0) + skipped);
      continue;
    }
    report.failed.set(place, `it passes, take it off the skip list: ${reason}`);
  }
  for (const [reason, count] of report.skipped) {
    process.stdout.write(`skipped ${count}: ${reason}\n`);
  }
  for (const [place, fault] of report.failed) process.stdout.write(`FAIL ${place}: ${fault}\n`);
  const counts = [...report.passed].map(([kind, count]) => `${count} ${kind}`).join(', ');
  const restored = copying.restoredCount + marking.restoredCount;
  const skipped = [...report.skipped.values()].reduce((sum, count) => sum + count, 0);
  const rest = `${restored} restored, ${skipped} skipped, ${report.failed.size} failed`;
  process.stdout.write(`components: ${counts}; ${rest}\n`);
  return report.failed.size > 0 || report.passed.size === 0 ? 1 : 0;
}

/** Takes off what failed at a place, or anywhere in a script; how much that was. */
function takeFailures({ failed }: Report, place: string): number {
  const isScript = place.endsWith('.wast');
  const found = [...failed.keys()].filter(
    (each) => each === place || (isScript && each.startsWith(`${place}:`)),
  );
  for (const each of found) failed.delete(each);
  return found.length;
}

/** Places, or whole scripts, that need not pass → why. */
function readSkips(directory: string): ReadonlyMap<string, string> {
  const name = isOfWasmtime(directory) ? 'components-skip-wasmtime' : 'components-skip';
  const text = readFileSync(path.join(SKIP_LISTS, `${name}.json`), 'utf8');
  return new Map(Object.entries(JSON.parse(text) as Record<string, string>));
}

function isOfWasmtime(directory: string): boolean {
  return existsSync(path.join(directory, WASMTIME_PREFIX));
}

function findScripts(directory: string): readonly string[] {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  const scripts = files.filter((file) => file.endsWith('.wast')).sort();
  if (!isOfWasmtime(directory)) return scripts;
  return scripts.filter((file) => file.startsWith(WASMTIME_PREFIX));
}

interface Where {
  readonly name: string;
  readonly report: Report;
  readonly wasmTools: string;
  readonly worlds: readonly SuiteWorld[];
  readonly host: ScriptHost;
}

async function checkScript(file: string, where: Where): Promise<void> {
  const { host, name, report, wasmTools, worlds } = where;
  const folder = mkdtempSync(path.join(tmpdir(), 'terrafirma-components-'));
  try {
    const list = path.join(folder, 'commands.json');
    execFileSync(wasmTools, ['json-from-wast', file, '--wasm-dir', folder, '-o', list], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const { commands } = JSON.parse(readFileSync(list, 'utf8')) as { commands: SuiteCommand[] };
    const read = (each: string): Uint8Array<ArrayBuffer> =>
      new Uint8Array(readFileSync(path.join(folder, each)));
    const parts = partsOf(commands, read).map((part) => hosted(part, host));
    for (const command of commands) checkBinary(command, { name, report, read });
    for (const world of worlds) {
      const { passed, failed } = await runScript(parts, world);
      for (const [kind, count] of passed) add(report, `${kind} (${world.name})`, count);
      for (const [line, fault] of failed) note(report, `${name}:${line}`, world.name, fault);
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : 'failed';
    report.failed.set(name, reason ?? 'failed');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What wasmtime's own runner offers to its scripts; the others import nothing of that. */
function readHost(wasmTools: string): ScriptHost {
  const text = path.join(import.meta.dirname, 'components/host.wat');
  const bytes = execFileSync(wasmTools, ['parse', text], { maxBuffer: 2 ** 20 });
  return {
    bytes: new Uint8Array(bytes),
    exports: new Map([
      ['host', 'instance'],
      ['wasmtime', 'instance'],
      ['host-return-two', 'func'],
      ['host-echo-u32', 'func'],
    ]),
  };
}

function hosted(part: Part, host: ScriptHost): Part {
  const functions = part.actions.map(({ field }) => field);
  try {
    return { ...part, bytes: withHost(part, host, functions) ?? part.bytes };
  } catch (error) {
    // What is refused is told of where it is run.
    if (error instanceof TerrafirmaError) return part;
    throw error;
  }
}

function add({ passed }: Report, kind: string, count: number): void {
  passed.set(kind, (passed.get(kind) ?? 0) + count);
}

/** One line may go wrong in several worlds. */
function note({ failed }: Report, place: string, world: string, fault: string): void {
  const before = failed.get(place);
  const text = `${world}: ${fault}`;
  failed.set(place, before === undefined ? text : `${before}; ${text}`);
}

function checkBinary(
  command: SuiteCommand,
  where: {
    readonly name: string;
    readonly report: Report;
    readonly read: (file: string) => Uint8Array<ArrayBuffer>;
  },
): void {
  const { type, line, filename, module_type: form } = command;
  // Text that is no component is refused by whoever reads text.
  if (filename === undefined || form === 'text') return;
  if (!refusing.has(type) && !accepting.has(type)) return;
  const refusal = refusalOf(where.read(filename));
  if (refusing.has(type) === (refusal !== undefined)) add(where.report, type, 1);
  else where.report.failed.set(`${where.name}:${line}`, refusal ?? 'it was accepted');
}

/** Why we refuse it; undefined: we do not. */
function refusalOf(bytes: Uint8Array<ArrayBuffer>): string | undefined {
  const isValid = (module: Uint8Array<ArrayBuffer>): boolean => WebAssembly.validate(module);
  try {
    if (isComponent(bytes) || !isValid(bytes)) {
      validateComponent(bytes, decodeComponent(bytes, limits), { limits, isValid });
    } else inspectModule(bytes);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
