/** What is published of src/: compiled, and the page that browsers get as it stands. */
import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = path.dirname(import.meta.dirname);
const typescript = path.dirname(fileURLToPath(import.meta.resolve('typescript/package.json')));

/** Writes src/ to the directory `output`. @throws when the compiler finds faults */
export function compileTo(output: string): void {
  const compiler = path.join(typescript, 'bin', 'tsc');
  const { status, error } = spawnSync(
    process.execPath,
    [compiler, '-p', 'tsconfig.build.json', '--outDir', output],
    { cwd: root, stdio: 'inherit' },
  );
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`Cannot build: the compiler must accept src/: ended ${status}`);
  const practice = 'deploy/practice/greeting.wasm';
  cpSync(path.join(root, 'src', practice), path.join(output, practice));
  // Browsers run the page as it stands: nothing of it is compiled, and nothing needs it as types.
  cpSync(path.join(root, 'src/page'), path.join(output, 'page'), {
    recursive: true,
    filter: (file) => !/\.d\.ts$|tsconfig\.json$/.test(file),
  });
}
