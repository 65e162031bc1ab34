// Makes greet.wasm of greet.js; the interfaces are in wit/deps.
import { readFile, writeFile } from 'node:fs/promises';
import { componentize } from '@bytecodealliance/componentize-js';
import { _addPreopen } from '@bytecodealliance/preview2-shim/filesystem';

_addPreopen('/', '/');
const source = await readFile('greet.js', 'utf8');
const { component } = await componentize(source, { witPath: 'wit', worldName: 'greet' });
await writeFile('greet.wasm', component);
