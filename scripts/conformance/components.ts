/**
 * Runs the official suite of the component model against our reading of components. Edge: reads the
 * suite's folder, and runs `wasm-tools`, which turns its text into binaries and a list of commands.
 *
 * DIR is the folder `test` of https://github.com/WebAssembly/component-model.
 *
 * What is known not to pass stands in `test/conformance/components-skip.json` with the reason; what
 * stands there and passes is a fault too.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { decodeComponent, isComponent } from '../../src/wasm/component/decode.ts';
import { defaultComponentLimits } from '../../src/wasm/component/limits.ts';
import { validateComponent } from '../../src/wasm/component/validate.ts';
import { inspectModule } from '../../src/wasm/inspect.ts';

const SKIP_LIST = path.join(import.meta.dirname, '../../test/conformance/components-skip.json');

interface Command {
  readonly type: string;
  readonly line: number;
  readonly filename?: string;
  readonly module_type?: string;
}

interface Report {
  /** Kind of command → how many passed. */
  readonly passed: Map<string, number>;
  /** `folder/file:line` → what went wrong. */
  readonly failed: Map<string, string>;
  skipped: number;
}

const refusing: ReadonlySet<string> = new Set(['assert_invalid', 'assert_malformed']);
const accepting: ReadonlySet<string> = new Set(['module', 'module_definition']);

/** Prints the report; answers the exit code. */
export function checkComponents(directory: string, wasmTools: string): number {
  const skips = new Map<string, string>(
    Object.entries(JSON.parse(readFileSync(SKIP_LIST, 'utf8')) as Record<string, string>),
  );
  const report: Report = { passed: new Map(), failed: new Map(), skipped: 0 };
  for (const file of findScripts(directory))
    runScript(path.join(directory, file), file, report, wasmTools);
  for (const [place, reason] of skips) {
    if (report.failed.delete(place)) report.skipped += 1;
    else report.failed.set(place, `it passes, take it off the skip list: ${reason}`);
  }
  for (const [place, fault] of report.failed) process.stdout.write(`FAIL ${place}: ${fault}\n`);
  const counts = [...report.passed].map(([kind, count]) => `${count} ${kind}`).join(', ');
  const rest = `${report.skipped} skipped, ${report.failed.size} failed`;
  process.stdout.write(`components: ${counts}; ${rest}\n`);
  return report.failed.size > 0 || report.passed.size === 0 ? 1 : 0;
}

function findScripts(directory: string): readonly string[] {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.wast')).sort();
}

function runScript(file: string, name: string, report: Report, wasmTools: string): void {
  const folder = mkdtempSync(path.join(tmpdir(), 'terrafirma-components-'));
  try {
    const list = path.join(folder, 'commands.json');
    execFileSync(wasmTools, ['json-from-wast', file, '--wasm-dir', folder, '-o', list], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const { commands } = JSON.parse(readFileSync(list, 'utf8')) as { commands: Command[] };
    for (const command of commands) runCommand(command, { folder, name, report });
  } catch (error) {
    report.failed.set(
      name,
      error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'failed',
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function runCommand(
  command: Command,
  where: { readonly folder: string; readonly name: string; readonly report: Report },
): void {
  const { type, line, filename, module_type: form } = command;
  // Text that is no component is refused by whoever reads text.
  if (filename === undefined || form === 'text') return;
  if (!refusing.has(type) && !accepting.has(type)) return;
  const refusal = refusalOf(new Uint8Array(readFileSync(path.join(where.folder, filename))));
  const { passed, failed } = where.report;
  const place = `${where.name}:${line}`;
  if (refusing.has(type) === (refusal !== undefined)) passed.set(type, (passed.get(type) ?? 0) + 1);
  else failed.set(place, refusal ?? 'it was accepted');
}

/** Why we refuse it; undefined: we do not. */
function refusalOf(bytes: Uint8Array<ArrayBuffer>): string | undefined {
  const isValid = (module: Uint8Array<ArrayBuffer>): boolean => WebAssembly.validate(module);
  try {
    if (isComponent(bytes) || !isValid(bytes)) {
      const limits = { ...defaultComponentLimits, membersMax: 10_000 };
      validateComponent(bytes, decodeComponent(bytes, limits), { limits, isValid });
    } else inspectModule(bytes);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
