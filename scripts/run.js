// Plain JavaScript for Node.js 18 and newer: `node scripts/run.js <script.ts> [arguments]` runs a
// script of ours under a Node.js that can, whichever one npm found first.
import path from 'node:path';
import { endWithNpm } from '../bin/end-with-npm.js';
import { isNodeSufficient } from '../bin/find-node.js';
import { relaunch } from '../bin/relaunch.js';

const [script, ...rest] = process.argv.slice(2);
if (script === undefined) {
  process.stderr.write('Cannot run: a script must be given: received nothing\n');
  process.exit(2);
}
endWithNpm();
// In a process of its own in any case: what is imported is not the main script.
const executable = isNodeSufficient() ? process.execPath : undefined;
relaunch([path.resolve(script), ...rest], { executable });
