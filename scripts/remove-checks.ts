/**
 * Do the tests guard the limits? Takes one check after another out of a copy of the program, and
 * runs the tests that must fail without it. A check that can be removed unnoticed fails the run.
 * Touches other processes and the file system, in a temporary folder alone.
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readScriptLine } from './command-line.ts';
import { checks } from './remove-checks/checks.ts';
import type { RemovableCheck } from './remove-checks/removable.ts';

const { flags } = readScriptLine({
  command: 'npm run test:checks --',
  about:
    'Takes one limit after another out of a copy of the program, and runs the tests that must\n' +
    'fail without it. Each day begins at another one, so that all have their turn.',
  flags: {
    minutes: {
      kind: 'number',
      fallback: Number.POSITIVE_INFINITY,
      means: 'No further one is taken out after so long',
    },
  },
});

const root = path.dirname(import.meta.dirname);
/** Of the top level: what a copy does without, or has by a link. */
const notCopied: ReadonlySet<string> = new Set(['.git', 'dist', 'node_modules']);
/** A test that hangs without its check has noticed, too. */
const RUN_MS_MAX = 90_000;
/** All of them together, with every check in its place. */
const ALL_MS_MAX = 600_000;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

interface PassOptions {
  /** 90 s unless given. */
  readonly timeoutMs?: number;
  /** How often a test that fails is tried again, as a busy machine may starve one; else never. */
  readonly retries?: number;
  /** The runner's own lines are printed. */
  readonly tells?: boolean;
}

/** A copy of the program that may be broken. */
class Copy implements Disposable {
  readonly directory = mkdtempSync(path.join(tmpdir(), 'terrafirma-checks-'));

  constructor() {
    for (const name of readdirSync(root)) {
      if (notCopied.has(name)) continue;
      cpSync(path.join(root, name), path.join(this.directory, name), { recursive: true });
    }
    symlinkSync(path.join(root, 'node_modules'), path.join(this.directory, 'node_modules'));
  }

  /** Whether all tests of `files` pass; says what failed where `options` has them tell. */
  passes(files: readonly string[], options: PassOptions = {}): boolean {
    const vitest = createRequire(import.meta.url).resolve('vitest/package.json');
    const program = path.join(path.dirname(vitest), 'vitest.mjs');
    const flags = ['run', '--bail=1', `--retry=${options.retries ?? 0}`];
    const { status } = spawnSync(process.execPath, [program, ...flags, ...files], {
      cwd: this.directory,
      stdio: options.tells === true ? 'inherit' : 'ignore',
      timeout: options.timeoutMs ?? RUN_MS_MAX,
      killSignal: 'SIGKILL',
    });
    return status === 0;
  }

  /** Does `act` without the check, and puts it back. */
  without<T>({ file, check, instead }: RemovableCheck, act: () => T): T {
    const place = path.join(this.directory, file);
    const text = readFileSync(place, 'utf8');
    if (text.split(check).length !== 2) {
      throw new Error(`Cannot remove a check: ${file} must have it once: received ${check}`);
    }
    writeFileSync(
      place,
      text.replace(check, () => instead),
    );
    try {
      return act();
    } finally {
      writeFileSync(place, text);
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** All checks, in their order, from that of the day `nowMs` on. */
function fromToday(nowMs: number): readonly RemovableCheck[] {
  const first = Math.floor(nowMs / DAY_MS) % checks.length;
  return [...checks.slice(first), ...checks.slice(0, first)];
}

function main(minutesMax: number): number {
  const startedAtMs = Date.now();
  using copy = new Copy();
  const files = [...new Set(checks.map(({ test }) => test))];
  if (!copy.passes(files, { timeoutMs: ALL_MS_MAX, retries: 1, tells: true })) {
    console.error('Cannot begin: these tests must pass as they are: received what stands above');
    return 1;
  }
  let removed = 0;
  let unnoticed = 0;
  for (const each of fromToday(startedAtMs)) {
    if (Date.now() - startedAtMs > minutesMax * MINUTE_MS) break;
    const isNoticed = copy.without(each, () => !copy.passes([each.test]));
    console.log(`${isNoticed ? 'noticed' : 'UNNOTICED'}: ${each.limit} (${each.file})`);
    removed += 1;
    if (!isNoticed) unnoticed += 1;
  }
  console.log(`${removed} of ${checks.length} checks removed one by one, ${unnoticed} unnoticed`);
  return unnoticed === 0 ? 0 : 1;
}

process.exitCode = main(flags.minutes);
