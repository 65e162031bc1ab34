/**
 * `npm test`: all tests, under this Node.js. Arguments go to vitest:
 * `npm test -- test/config`, `npm test -- -t "some name"`.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = path.dirname(import.meta.dirname);
const vitest = path.join(path.dirname(fileURLToPath(import.meta.resolve('vitest'))), '..');

const { status, error } = spawnSync(
  process.execPath,
  [path.join(vitest, 'vitest.mjs'), 'run', ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      // Tests that start `node` mean this one, also where the system has an older one.
      PATH: [path.dirname(process.execPath), process.env.PATH].join(path.delimiter),
    },
  },
);
if (error !== undefined) throw error;
process.exitCode = status ?? 1;
