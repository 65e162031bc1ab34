/**
 * `npm run check:layout`: who imports whom, cycles, lengths, dead files, words, purity, and lists
 * in README.md and docs/architecture.md that must match the code. One line a fault; exit code
 * 1 when there is any. `--write` brings the table of rooms up to date first.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readScriptLine } from './command-line.ts';
import { writeRooms } from './layout/architecture.ts';
import { checkLayout } from './layout/repository.ts';
import { rooms } from './layout/rooms.ts';

const root = path.dirname(import.meta.dirname);
const { flags } = readScriptLine({
  command: 'npm run check:layout --',
  about:
    'Who imports whom, cycles, lengths, dead files, words, and lists that must match the code.',
  flags: { write: { kind: 'switch', means: 'Bring the table of rooms up to date first' } },
});
if (flags.write) {
  const file = path.join(root, 'docs/architecture.md');
  writeFileSync(file, writeRooms(readFileSync(file, 'utf8'), rooms));
}
const faults = await checkLayout(root);
for (const fault of faults) console.log(fault);
console.log(faults.length === 0 ? 'The layout is as it should be' : `${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
