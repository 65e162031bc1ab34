/**
 * Runs the official WASI test suite for preview1 against the daemon's own hostcalls. Edge: reads
 * the suite's folder. `DIR` is a copy of the suite with its programs built, such as its branch
 * `prod/testsuite-base`.
 *
 * What is known not to pass stands in `test/conformance/wasi-skip.json` with the reason; a program
 * that stands there and passes is a fault too.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { checkCase } from './wasi/case.ts';

const SKIP_LIST = path.join(import.meta.dirname, '../../test/conformance/wasi-skip.json');
const PREVIEW1_FOLDER = 'wasm32-wasip1';

export interface SuiteReport {
  readonly passed: readonly string[];
  readonly skipped: readonly string[];
  /** What went wrong, by program. */
  readonly failed: ReadonlyMap<string, string>;
}

/** Program, as `rust/fd_readdir`, → why it is not expected to pass. */
export function readSkipList(): ReadonlyMap<string, string> {
  return new Map(Object.entries(JSON.parse(readFileSync(SKIP_LIST, 'utf8'))));
}

export async function runSuite(
  directory: string,
  skips: ReadonlyMap<string, string>,
): Promise<SuiteReport> {
  const passed: string[] = [];
  const skipped: string[] = [];
  const failed = new Map<string, string>();
  for (const [name, wasmPath] of findPrograms(directory)) {
    const fault = await checkCase(wasmPath);
    const isSkipped = skips.has(name);
    if (fault === undefined && isSkipped) failed.set(name, 'it passes: take it off the skip list');
    else if (fault === undefined) passed.push(name);
    else if (isSkipped) skipped.push(name);
    else failed.set(name, fault);
  }
  return { passed, skipped, failed };
}

/** The built programs of all languages, by name. */
export function findPrograms(directory: string): ReadonlyMap<string, string> {
  const programs = new Map<string, string>();
  for (const entry of readdirSync(path.join(directory, 'tests'), { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const folder = path.join(directory, 'tests', entry.name, 'testsuite', PREVIEW1_FOLDER);
    for (const file of listFolder(folder)) {
      if (!file.endsWith('.wasm')) continue;
      programs.set(`${entry.name}/${file.replace(/\.wasm$/, '')}`, path.join(folder, file));
    }
  }
  return programs;
}

function listFolder(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/** Prints the report; resolves to the exit code. */
export async function checkWasi(directory: string): Promise<number> {
  const { passed, skipped, failed } = await runSuite(directory, readSkipList());
  for (const [name, fault] of failed) process.stdout.write(`FAIL ${name}: ${fault}\n`);
  const counts = `${passed.length} passed, ${skipped.length} skipped, ${failed.size} failed`;
  process.stdout.write(`wasi: ${counts}\n`);
  return failed.size > 0 || passed.length === 0 ? 1 : 0;
}
