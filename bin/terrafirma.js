#!/usr/bin/env node
// Plain JavaScript for Node.js 18 and newer: the door through which every Node.js may come in.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { endWithNpm } from './end-with-npm.js';
import { isNodeSufficient } from './find-node.js';
import { relaunch } from './relaunch.js';

// Only a checkout has src/, and there a dist/ may be older; a package has dist/ alone.
const source = new URL('../src/main.ts', import.meta.url);
const main = existsSync(source) ? source : new URL('../dist/main.js', import.meta.url);

endWithNpm();
if (isNodeSufficient()) await import(main.href);
else relaunch([fileURLToPath(main), ...process.argv.slice(2)], { isTied: true });
