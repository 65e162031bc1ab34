/**
 * `npm run check:layout`: who imports whom, cycles, lengths, dead files, words, purity, and lists
 * in README.md that must match the code. Prints one line a fault; exit code 1 when there is any.
 */
import path from 'node:path';
import { checkLayout } from './layout/repository.ts';

const faults = await checkLayout(path.dirname(import.meta.dirname));
for (const fault of faults) console.log(fault);
console.log(faults.length === 0 ? 'The layout is as it should be' : `${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
