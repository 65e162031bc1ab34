// Edge: reads guest sources, runs the compilers that are installed, writes the .wasm files.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import wabt from 'wabt';

const rootFolder = join(import.meta.dirname, '..');
const guestsFolder = join(rootFolder, 'test', 'guests');
const examplesFolder = join(rootFolder, 'examples', 'terrarium');
const demoFolder = join(rootFolder, 'demo');

/** One module that is assembled from WAT: the same text always gives the same bytes. */
export interface WatGuest {
  readonly name: string;
  readonly wasmPath: string;
  readonly readSource: () => string;
}

/** Every module of the test guests and the demo that comes from WAT, sorted by name. */
export function listWatGuests(): WatGuest[] {
  const guests: WatGuest[] = [
    { name: 'big', wasmPath: join(guestsFolder, 'big.wasm'), readSource: writeBigWat },
    ...listWatFiles(guestsFolder, guestsFolder),
    ...listWatFiles(join(examplesFolder, 'wat'), demoFolder),
  ];
  return guests.sort((left, right) => (left.wasmPath < right.wasmPath ? -1 : 1));
}

function listWatFiles(sourceFolder: string, targetFolder: string): WatGuest[] {
  if (!existsSync(sourceFolder)) return [];
  const files = readdirSync(sourceFolder).filter((file) => file.endsWith('.wat'));
  return files.map((file) => {
    const name = file.slice(0, -'.wat'.length);
    const readSource = () => readFileSync(join(sourceFolder, file), 'utf8');
    return { name, wasmPath: join(targetFolder, `${name}.wasm`), readSource };
  });
}

/** Answers its 1 MiB of data. Written here because as a file the source would be 1 MiB too. */
function writeBigWat(): string {
  const lines: string[] = [];
  for (let line = 0; line < 16_384; line++) {
    lines.push(`    "line ${String(line).padStart(5, '0')} of a body of one mebibyte `);
    lines.push(`${'.'.repeat(26)}\\n"\n`);
  }
  return `(module
  (import "env" "hostcall_resp_set_body" (func $body (param i32 i32 i32) (result i32)))
  (memory (export "memory") 17)
  (func (export "run")
    (drop (call $body (i32.const 0) (i32.const 1024) (i32.const 1048576))))
  (data (i32.const 1024)
${lines.join('')}))`;
}

/** Assembles WAT. Throws with wabt's message, which names the line, when it is wrong. */
export async function assembleWat(guest: WatGuest): Promise<Uint8Array> {
  const { parseWat } = await wabt();
  const module = parseWat(`${guest.name}.wat`, guest.readSource());
  try {
    module.validate();
    return module.toBinary({ write_debug_names: false }).buffer;
  } finally {
    module.destroy();
  }
}

/** A build by a compiler that not everybody has. `command` runs in the folder of its source. */
interface CompiledGuest {
  readonly folder: string;
  readonly tool: string;
  readonly arguments: readonly string[];
}

/** The same commands as on the pages in docs/guests. */
const compiledGuests: readonly CompiledGuest[] = [];

function compile(guest: CompiledGuest): void {
  const cwd = join(examplesFolder, guest.folder);
  const tool = process.env[guest.tool.toUpperCase().replace(/\W/g, '_')] ?? guest.tool;
  execFileSync(tool, guest.arguments, { cwd, stdio: 'inherit' });
}

async function buildAll(): Promise<void> {
  for (const guest of listWatGuests()) {
    writeFileSync(guest.wasmPath, await assembleWat(guest));
  }
  for (const guest of compiledGuests) compile(guest);
}

if (import.meta.main) {
  try {
    await buildAll();
  } catch (error) {
    // Only the message: the stack would show a whole minified line of wabt.
    console.error(String(error));
    process.exitCode = 1;
  }
}
