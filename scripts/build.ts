/** `npm run build`: src/ → dist/, from nothing, so that no file of an earlier build stays. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { readScriptLine } from './command-line.ts';
import { compileTo } from './compile.ts';

readScriptLine({ command: 'npm run build --', about: 'Compiles src/ to dist/.', flags: {} });
const output = path.join(path.dirname(import.meta.dirname), 'dist');
rmSync(output, { recursive: true, force: true });
compileTo(output);
