/**
 * `npm test`: types, lint, and all tests, the layout's among them, under this Node.js. With
 * arguments, which go to vitest, the tests alone: `npm test -- test/config`,
 * `npm test -- -t "some name"`.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = path.dirname(import.meta.dirname);
const vitest = path.join(path.dirname(fileURLToPath(import.meta.resolve('vitest'))), '..');
const programs = path.join(root, 'node_modules', '.bin');
/**
 * What Node.js keeps of sources that it has read before (nodejs.org/api/module.html): hundreds of
 * tests start the program, and reading its TypeScript anew takes two thirds of a start.
 */
const compileCache = path.join(root, 'node_modules', '.cache', 'compile');

/** The exit code of a program, which writes to our own streams. */
function run(program: string, argv: readonly string[]): number {
  const { status, error } = spawnSync(program, argv, {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      // Tests that start `node` mean this one, also where the system has an older one.
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? compileCache,
      PATH: [path.dirname(process.execPath), process.env.PATH].join(path.delimiter),
    },
  });
  if (error !== undefined) throw error;
  return status ?? 1;
}

const given = process.argv.slice(2);
const checks: readonly (readonly [string, readonly string[]])[] =
  given.length > 0
    ? []
    : [
        [path.join(programs, 'tsc'), ['--noEmit']],
        [path.join(programs, 'biome'), ['ci', '.']],
      ];
const codes = [
  ...checks.map(([program, argv]) => run(program, argv)),
  run(process.execPath, [path.join(vitest, 'vitest.mjs'), 'run', ...given]),
];
process.exitCode = codes.find((code) => code !== 0) ?? 0;
