/** `npm run build`: src/ → dist/, from nothing, so that no file of an earlier build stays. */
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = path.dirname(import.meta.dirname);
const typescript = path.dirname(fileURLToPath(import.meta.resolve('typescript/package.json')));

rmSync(path.join(root, 'dist'), { recursive: true, force: true });
const { status, error } = spawnSync(
  process.execPath,
  [path.join(typescript, 'bin', 'tsc'), '-p', 'tsconfig.build.json'],
  { cwd: root, stdio: 'inherit' },
);
if (error !== undefined) throw error;
// Browsers run the page as it stands: nothing of it is compiled, and nothing needs it as types.
cpSync(path.join(root, 'src/page'), path.join(root, 'dist/page'), {
  recursive: true,
  filter: (file) => !/\.d\.ts$|tsconfig\.json$/.test(file),
});
process.exitCode = status ?? 1;
