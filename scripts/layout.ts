/**
 * `npm run check:layout`: who imports whom, cycles, lengths, dead files, words, purity, and lists
 * in README.md that must match the code. Prints one line a fault; exit code 1 when there is any.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { loadCommands } from '../src/commands/catalogue.ts';
import {
  checkCycles,
  checkDeadFiles,
  checkImports,
  checkLengths,
  checkPurity,
  checkShapes,
  checkWords,
} from './layout/checks.ts';
import { checkReadme } from './layout/readme.ts';
import { readSources } from './layout/source.ts';

const directories = ['src', 'test', 'scripts', 'bin', 'bench'];

/** All faults of the repository at `root`, one sentence each. */
export async function checkLayout(root: string): Promise<readonly string[]> {
  const present = directories.filter((directory) => existsSync(path.join(root, directory)));
  const sources = readSources(root, present);
  return [
    ...checkImports(sources),
    ...checkCycles(sources),
    ...checkLengths(sources),
    ...checkDeadFiles(sources),
    ...checkShapes(sources),
    ...checkWords(sources),
    ...checkPurity(sources),
    ...checkReadme(readText(path.join(root, 'README.md')), await loadCommands()),
  ];
}

/** A README.md that is not there shows nothing of what it must. */
function readText(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

if (import.meta.main) {
  const faults = await checkLayout(path.dirname(import.meta.dirname));
  for (const fault of faults) console.log(fault);
  console.log(faults.length === 0 ? 'The layout is as it should be' : `${faults.length} faults`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
