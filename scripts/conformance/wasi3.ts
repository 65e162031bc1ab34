/**
 * Runs the official WASI test suite for 0.3: programs on the engine of the product, twice each with
 * a restore between, and services on the daemon. Edge: reads the suite's folder. `DIR` is a copy of
 * the suite with its programs built, such as its branch `prod/testsuite-base`.
 *
 * What is known not to pass stands in `test/conformance/wasi3-skip.json` with the reason; a program
 * that stands there and passes is a fault too.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { checkProgram } from './wasi3/program.ts';
import { checkService } from './wasi3/service.ts';
import { readSpecification } from './wasi3/specification.ts';

const SKIP_LIST = path.join(import.meta.dirname, '../../test/conformance/wasi3-skip.json');
export const wasi03Folder = 'tests/rust/testsuite/wasm32-wasip3';

/** Program → why it is not expected to pass. */
export function readSkipList03(): ReadonlyMap<string, string> {
  return new Map(Object.entries(JSON.parse(readFileSync(SKIP_LIST, 'utf8'))));
}

/** What a program of the suite did wrong; undefined: nothing. */
export async function checkCase03(wasmPath: string): Promise<string | undefined> {
  const specification = readSpecification(wasmPath);
  try {
    return specification.isService
      ? await checkService(wasmPath, specification)
      : await checkProgram(wasmPath, specification.steps);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Prints the report; resolves to the exit code. @param only Part of the names of what is run. */
export async function checkWasi03(directory: string, only?: string): Promise<number> {
  const skips = readSkipList03();
  const folder = path.join(directory, wasi03Folder);
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.wasm') && (only === undefined || file.includes(only)))
    .map((file) => file.replace(/\.wasm$/, ''))
    .sort();
  const counts = { passed: 0, skipped: 0, failed: 0 };
  for (const name of names) {
    const fault = await checkCase03(path.join(folder, `${name}.wasm`));
    const isSkipped = skips.has(name);
    if (fault !== undefined && isSkipped) counts.skipped += 1;
    else if (fault === undefined && !isSkipped) counts.passed += 1;
    else {
      counts.failed += 1;
      const text = fault ?? 'it passes: take it off the skip list';
      process.stdout.write(`FAIL ${name}: ${text}\n`);
    }
  }
  const { passed, skipped, failed } = counts;
  process.stdout.write(`wasi 0.3: ${passed} passed, ${skipped} skipped, ${failed} failed\n`);
  return failed > 0 || passed === 0 ? 1 : 0;
}
