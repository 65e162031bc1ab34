// Edge: reads guest sources, runs the compilers that are installed, writes the .wasm files.

import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import wabt from 'wabt';
import { readScriptLine } from './command-line.ts';

const rootFolder = join(import.meta.dirname, '..');
const guestsFolder = join(rootFolder, 'test', 'guests');
const examplesFolder = join(rootFolder, 'examples');
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
    ...listWatFiles(join(examplesFolder, 'terrarium', 'wat'), demoFolder),
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

/** A build by a compiler that not everybody has; docs/guests shows the same command. */
interface CompiledGuest {
  readonly name: string;
  /** The folder of the source, below examples. The command runs there. */
  readonly folder: string;
  /** The page of docs/guests that shows the command. */
  readonly page: string;
  /** The environment variable that names the compiler, in several words if need be. */
  readonly toolVariable: string;
  readonly tool: string;
  readonly command: string;
}

const clangFlags =
  '--target=wasm32 -nostdlib -Xclang -O2 -mbulk-memory -Wl,--no-entry -Wl,--strip-all';
const rustFlags = '-C opt-level=s -C lto -C panic=abort -C strip=symbols';
const zigExports = '--export=run --export=default_malloc_impl --export=default_free_impl';

/** Every module of the demo that is compiled. */
export const compiledGuests: readonly CompiledGuest[] = [
  {
    name: 'echo',
    folder: 'terrarium/c',
    page: 'c',
    toolVariable: 'CLANG',
    tool: 'clang',
    command: `${clangFlags} -o echo.wasm echo.c`,
  },
  {
    name: 'visits',
    folder: 'terrarium/c',
    page: 'c',
    toolVariable: 'CLANG',
    tool: 'clang',
    command: `${clangFlags} -o visits.wasm visits.c`,
  },
  {
    name: 'visitor',
    folder: 'fastly/c',
    page: 'fastly',
    toolVariable: 'CLANG',
    tool: 'clang',
    command: `${clangFlags} -o visitor.wasm visitor.c`,
  },
  {
    name: 'badge',
    folder: 'terrarium/rust',
    page: 'rust',
    toolVariable: 'RUSTC',
    tool: 'rustc',
    command:
      '--edition 2021 --target wasm32-unknown-unknown --crate-type cdylib ' +
      `${rustFlags} -o badge.wasm badge.rs`,
  },
  {
    name: 'mandelbrot',
    folder: 'terrarium/zig',
    page: 'zig',
    toolVariable: 'ZIG',
    tool: 'zig',
    command:
      'build-exe -target wasm32-freestanding -fno-entry -O ReleaseSmall -fstrip ' +
      `${zigExports} -femit-bin=mandelbrot.wasm mandelbrot.zig`,
  },
  {
    name: 'dice',
    folder: 'terrarium/assemblyscript',
    page: 'assemblyscript',
    toolVariable: 'ASC',
    tool: 'asc',
    command: '-Oz --runtime stub --use abort=terrarium/abort -o dice.wasm dice.ts',
  },
];

/** Compiles into a folder of its own, then copies, so that a failed build leaves the demo alone. */
function compile(guest: CompiledGuest): void {
  const buildFolder = mkdtempSync(join(tmpdir(), 'terrafirma-guest-'));
  const tool = (process.env[guest.toolVariable] ?? guest.tool).split(' ');
  const [program = guest.tool, ...toolArguments] = tool;
  try {
    cpSync(join(examplesFolder, guest.folder), buildFolder, { recursive: true });
    execFileSync(program, [...toolArguments, ...guest.command.split(' ')], {
      cwd: buildFolder,
      stdio: 'inherit',
    });
    const wasm = readFileSync(join(buildFolder, `${guest.name}.wasm`));
    writeFileSync(join(demoFolder, `${guest.name}.wasm`), wasm);
  } catch (error) {
    // One compiler that is not here, or lacks its WebAssembly target, must not stop the others.
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!isMissing) process.exitCode = 1;
    const reason = isMissing ? `no ${program} here` : `${program} failed`;
    console.error(`kept ${guest.name}.wasm: ${reason}; ${guest.toolVariable} can name another`);
  } finally {
    rmSync(buildFolder, { recursive: true });
  }
}

async function buildAll(): Promise<void> {
  for (const guest of listWatGuests()) {
    writeFileSync(guest.wasmPath, await assembleWat(guest));
  }
  for (const guest of compiledGuests) compile(guest);
}

if (import.meta.main) {
  readScriptLine({
    command: 'node scripts/build-guests.ts',
    about: 'Assembles and compiles the guests of tests, examples and demo.',
    flags: {},
  });
  try {
    await buildAll();
  } catch (error) {
    // Only the message: the stack would show a whole minified line of wabt.
    console.error(String(error));
    process.exitCode = 1;
  }
}
