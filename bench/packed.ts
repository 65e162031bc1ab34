/**
 * The program as it is published: packed by npm, unpacked elsewhere, once a run of the benchmarks.
 * Touches npm, tar and the file system.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
let program: string | undefined;

/** The file to start. Its folder is removed when this process ends. */
export function packedProgram(): string {
  program ??= packProgram(root);
  return program;
}

/** The same of the checkout in `root`. */
export function packProgram(root: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'terrafirma-packed-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const args = ['pack', '--silent', '--pack-destination', directory];
  const name = execFileSync('npm', args, { cwd: root, encoding: 'utf8' }).trim().split('\n').at(-1);
  execFileSync('tar', ['-xzf', join(directory, name ?? ''), '-C', directory]);
  symlinkSync(join(root, 'node_modules'), join(directory, 'package', 'node_modules'));
  return join(directory, 'package', 'bin', 'terrafirma.js');
}
