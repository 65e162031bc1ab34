// Makes a component of a program: node build.mjs greet.js greet.wasm
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { componentize } from '@bytecodealliance/componentize-js';
import { _addPreopen } from '@bytecodealliance/preview2-shim/filesystem';

const [from, to] = process.argv.slice(2);

// The published interfaces, in the version that componentize-js knows.
await cp('node_modules/@bytecodealliance/jco/lib/wit/builtin/0.2.12', 'wit/deps', {
  recursive: true,
});
for (const name of await readdir('wit/deps', { recursive: true })) {
  if (!name.endsWith('.wit')) continue;
  const text = await readFile(`wit/deps/${name}`, 'utf8');
  await writeFile(`wit/deps/${name}`, text.replaceAll('0.2.12', '0.2.10'));
}

_addPreopen('/', '/');
const source = await readFile(from, 'utf8');
const { component } = await componentize(source, { witPath: 'wit', worldName: 'greet' });
await writeFile(to, component);
