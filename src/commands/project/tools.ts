/**
 * Whether what a command needs is there, before it is run: a compiler that is missing says so less
 * plainly. Touches PATH, and asks compilers which targets they have.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { TerrafirmaError } from '../../errors.ts';

/** Where programs are looked for, and what asks them. */
export interface ToolPlace {
  /** Of the project: what npm has installed there comes first. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Program → how to get it. */
const sources: Readonly<Record<string, string>> = {
  rustc: 'install Rust from https://rustup.rs',
  cargo: 'install Rust from https://rustup.rs',
  go: 'install Go from https://go.dev/dl',
  tinygo: 'install TinyGo from https://tinygo.org/getting-started/install',
  zig: 'install Zig from https://ziglang.org/download',
  clang: 'install it: apt install clang lld',
  'clang++': 'install it: apt install clang lld',
  'wasm-ld': 'install it: apt install lld',
  asc: 'run npm install in the project',
  wat2wasm: 'install it: apt install wabt',
  node: 'install Node.js from https://nodejs.org',
  npx: 'install Node.js from https://nodejs.org',
  npm: 'install Node.js from https://nodejs.org',
  python3: 'install it: apt install python3 python3-venv',
};

/** What the headers of a C library for WASI are found by, below a `--sysroot`. */
const wasiHeader = 'include/wasm32-wasi/stdio.h';
const askMsMax = 10_000;

/**
 * What a command is run with: programs of the project's own packages come first.
 */
export function commandEnvironment({ directory, environment }: ToolPlace): NodeJS.ProcessEnv {
  const own = path.join(directory, 'node_modules', '.bin');
  const PATH = [own, environment.PATH].filter((part) => part !== undefined && part !== '');
  return { ...environment, PATH: PATH.join(path.delimiter) };
}

/**
 * Looks for the program that the command begins with, and for the target it is to compile for.
 * What is no plain command is left to the shell.
 *
 * @param name Of the function, for the message.
 * @throws TerrafirmaError `usage`, saying what to install.
 */
export function requireTool(name: string, command: string, place: ToolPlace): void {
  const words = wordsOf(command);
  const [tool] = words;
  if (tool === undefined || !/^[\w./+-]+$/.test(tool)) return;
  const found = findProgram(tool, place);
  if (found === undefined) {
    const [, after] = words;
    const isOwn = tool === 'npx' && after !== undefined;
    const source =
      sources[path.basename(tool)] ?? 'install it, or mend the command in project.toml';
    throw missing(name, `${tool} must be on the PATH: ${isOwn ? sources.npx : source}`);
  }
  requireTarget(name, words, { found, place });
  if (packageRunners.has(path.basename(tool))) requirePackages(name, place.directory);
}

/** What runs programs of the project's own packages. */
const packageRunners: ReadonlySet<string> = new Set(['node', 'npx', 'npm']);

/** Those that package.json names, and npm has not installed yet. */
function requirePackages(name: string, directory: string): void {
  const absent = packagesOf(directory).filter(
    (each) => !existsSync(path.join(directory, 'node_modules', each)),
  );
  if (absent.length === 0) return;
  const noun = absent.length === 1 ? 'package' : 'packages';
  throw missing(name, `the ${noun} ${absent.join(' and ')} must be there: ${sources.asc}`);
}

/** What cannot be read names none: npm tells of that. */
function packagesOf(directory: string): readonly string[] {
  try {
    const file = JSON.parse(readFileSync(path.join(directory, 'package.json'), 'utf8'));
    return Object.keys({ ...file?.dependencies, ...file?.devDependencies });
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code !== undefined) {
      return [];
    }
    throw error;
  }
}

function requireTarget(
  name: string,
  words: readonly string[],
  { found, place }: { readonly found: string; readonly place: ToolPlace },
): void {
  const tool = path.basename(words[0] ?? '');
  if (tool === 'rustc' || tool === 'cargo')
    requireRustTarget(name, flagValue(words, '--target'), place);
  if (tool === 'npx' && words[1] === 'asc' && findProgram('asc', place) === undefined) {
    throw missing(name, `the AssemblyScript compiler must be there: ${sources.asc}`);
  }
  requireWasiLibraries(name, words, found);
}

/** The headers of the C library and of that of C++, where clang is told to look for them. */
function requireWasiLibraries(name: string, words: readonly string[], found: string): void {
  const tool = path.basename(words[0] ?? '');
  const isWasi = /^clang/.test(tool) && /^wasm32-wasi/.test(flagValue(words, '--target') ?? '');
  const sysroot = flagValue(words, '--sysroot');
  if (isWasi && sysroot !== undefined && !existsSync(path.join(sysroot, wasiHeader))) {
    const packages = 'wasi-libc libclang-rt-dev-wasm32';
    throw missing(name, `${found} needs a C library for WASI: apt install ${packages}`);
  }
  const isCpp = flagValue(words, '-stdlib') === 'libc++';
  if (isWasi && isCpp && sysroot !== undefined && !hasCppLibrary(sysroot)) {
    const packages = 'libc++-dev-wasm32 libc++abi-dev-wasm32';
    throw missing(name, `${found} needs the library of C++ for WASI: apt install ${packages}`);
  }
}

/** Where a kit of WASI has them, and where Debian's package has. */
function hasCppLibrary(sysroot: string): boolean {
  return ['include/wasm32-wasi/c++/v1', 'include/c++/v1'].some((directory) =>
    existsSync(path.join(sysroot, directory, 'algorithm')),
  );
}

function requireRustTarget(name: string, target: string | undefined, place: ToolPlace): void {
  if (target === undefined || !/^[\w.-]+$/.test(target)) return;
  const { status, stdout } = spawnSync('rustc', ['--print', 'target-libdir', '--target', target], {
    ...{ encoding: 'utf8', env: commandEnvironment(place), cwd: place.directory },
    timeout: askMsMax,
  });
  // A target of one's own, or a rustc that does not know the question: the command will tell.
  if (status !== 0 || existsSync(stdout.trim())) return;
  throw missing(name, `rustc needs the target ${target}: run rustup target add ${target}`);
}

/** `--target x`, `--target=x`, `-target x`. */
function flagValue(words: readonly string[], flag: string): string | undefined {
  for (const [at, word] of words.entries()) {
    if (word.startsWith(`${flag}=`)) return word.slice(flag.length + 1);
    if (word === flag) return words[at + 1];
  }
  return undefined;
}

/** Without the variables that are set before the program. */
function wordsOf(command: string): readonly string[] {
  const words = command.trim().split(/\s+/);
  const first = words.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word));
  return first === -1 ? [] : words.slice(first);
}

function findProgram(tool: string, place: ToolPlace): string | undefined {
  const { PATH = '' } = commandEnvironment(place);
  if (tool.includes('/')) {
    const file = path.resolve(place.directory, tool);
    return isProgram(file) ? file : undefined;
  }
  // What the shell does itself.
  if (builtIns.has(tool)) return tool;
  return PATH.split(path.delimiter)
    .map((directory) => path.join(directory, tool))
    .find(isProgram);
}

const builtIns = new Set(['cd', 'set', 'export', 'exec', 'test', 'true', 'echo', 'printf', 'if']);

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    // Not there, or not for us: the next directory may have it.
    return false;
  }
}

function missing(name: string, rest: string): TerrafirmaError {
  return new TerrafirmaError('usage', `Cannot build ${name}: ${rest}`);
}
