/**
 * The small guest in AssemblyScript, with the hostcalls as the example declares them. Runs the
 * compiler; touches the file system.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BenchFolder } from './servers.ts';

const example = fileURLToPath(new URL('../examples/terrarium/assemblyscript/', import.meta.url));
const compiler = fileURLToPath(import.meta.resolve('assemblyscript/bin/asc.js'));

/** Greets `?name=`, as the small guest in Rust does. */
const greeting = `
import { queryValue, requestPath, respond } from './terrarium';

export { default_free_impl, default_malloc_impl } from './terrarium';

export function run(): void {
  const name = queryValue(requestPath(), 'name');
  const greeted = name.length > 0 ? name : 'world';
  respond(200, 'text/plain; charset=utf-8', 'Hello, ' + greeted + '!\\n');
}
`;

/** As docs/guests/assemblyscript.md builds its example. */
export function buildAssemblyScriptGuest(): Uint8Array {
  using folder = new BenchFolder();
  for (const file of ['env.ts', 'terrarium.ts']) folder.put(join(example, file), file);
  folder.write(Buffer.from(greeting), 'greeting.ts');
  const how = ['-Oz', '--runtime', 'stub', '--use', 'abort=terrarium/abort'];
  const args = [compiler, ...how, '-o', 'greeting.wasm', 'greeting.ts'];
  execFileSync(process.execPath, args, { cwd: folder.directory, stdio: 'pipe' });
  return readFileSync(join(folder.directory, 'greeting.wasm'));
}
