import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runProgram } from '../commands/program.ts';
import { TestFolder } from '../support/folder.ts';

const rootFolder = join(import.meta.dirname, '..', '..');
const examplesFolder = join(rootFolder, 'examples', 'wasi');
const nodeModules = join(rootFolder, 'node_modules');

/** A program of examples/wasi: its page shows it, the command that compiles it, and its answer. */
interface Example {
  readonly page: string;
  readonly folder: string;
  readonly source: string;
  /** As the page has it: the first word is the compiler. */
  readonly command: string;
  /** Other names of the compiler. */
  readonly otherTools?: readonly string[];
  /** A program of nothing: who cannot compile that lacks the target, not our example. */
  readonly trial: string;
  readonly request: readonly string[];
  readonly answer: string;
}

const clangs = (tool: string): string[] => [19, 18, 17, 16, 15, 14].map((it) => `${tool}-${it}`);
const emptyC = 'int main(void) { return 0; }\n';
const goAnswer = 'HTTP_HOST=localhost\nHTTP_X_TEST=a\n';
const emptyGo = 'package main\n\nfunc main() {}\n';

const examples: readonly Example[] = [
  {
    page: 'wasi-c',
    folder: 'c',
    source: 'hello.c',
    command: 'clang --target=wasm32-wasi --sysroot=/usr -Xclang -O2 -o hello.wasm hello.c',
    otherTools: clangs('clang'),
    trial: emptyC,
    request: ['--path', '/hello.wasm?Ada'],
    answer: 'Hello from C, Ada!\n',
  },
  {
    page: 'websocket',
    folder: 'c',
    source: 'chat.c',
    command: 'clang --target=wasm32-wasi --sysroot=/usr -Xclang -O2 -o chat.wasm chat.c',
    otherTools: clangs('clang'),
    trial: emptyC,
    request: ['--data', 'hello\nagain\n', '--folder', '.'],
    answer: '1: hello\n2: again\n',
  },
  {
    page: 'wasi-cpp',
    folder: 'cpp',
    source: 'sort.cpp',
    command:
      'clang++ --target=wasm32-wasi --sysroot=/usr -stdlib=libc++ -fno-exceptions -Xclang -O2 ' +
      '-o sort.wasm sort.cpp',
    otherTools: clangs('clang++'),
    trial: '#include <vector>\nint main() { return 0; }\n',
    request: ['--data', 'b\na\n'],
    answer: 'a\nb\n',
  },
  {
    page: 'wasi-rust',
    folder: 'rust',
    source: 'hello.rs',
    command:
      'rustc --edition 2021 --target wasm32-wasip1 -O -C strip=symbols -o hello.wasm hello.rs',
    trial: 'fn main() {}\n',
    request: ['--path', '/hello.wasm?Ada'],
    answer: 'Hello from Rust, Ada!\n',
  },
  {
    page: 'wasi-rust',
    folder: 'rust',
    source: 'count.rs',
    command:
      'rustc --edition 2021 --target wasm32-wasip1 -O -C strip=symbols -o count.wasm count.rs',
    trial: 'fn main() {}\n',
    request: ['--data', '1234567'],
    answer: '7 bytes\n',
  },
  {
    page: 'wasi-go',
    folder: 'go',
    source: 'hello.go',
    command: 'GOOS=wasip1 GOARCH=wasm go build -o hello.wasm hello.go',
    otherTools: ['/usr/local/go/bin/go'],
    trial: emptyGo,
    request: ['--header', 'X-Test: a'],
    answer: goAnswer,
  },
  {
    page: 'wasi-tinygo',
    folder: 'go',
    source: 'hello.go',
    command: 'tinygo build -target=wasip1 -opt=z -no-debug -o hello.wasm hello.go',
    trial: emptyGo,
    request: ['--header', 'X-Test: a'],
    answer: goAnswer,
  },
  {
    page: 'wasi-zig',
    folder: 'zig',
    source: 'hello.zig',
    command:
      'zig build-exe hello.zig -target wasm32-wasi -lc -O ReleaseSmall -femit-bin=hello.wasm',
    trial: 'export fn __main_void() c_int {\n    return 0;\n}\n',
    request: ['--path', '/hello.wasm?Ada'],
    answer: 'Hello from Zig, Ada!\n',
  },
  {
    page: 'wasi-assemblyscript',
    folder: 'assemblyscript',
    source: 'hello.ts',
    command:
      'npx asc hello.ts -O --exportStart _start ' +
      '--config node_modules/@assemblyscript/wasi-shim/asconfig.json -o hello.wasm',
    trial: '',
    request: [],
    answer: 'Hello from AssemblyScript!\n',
  },
];

const readPage = (name: string): string =>
  readFileSync(join(rootFolder, 'docs', 'guests', `${name}.md`), 'utf8');

/** Runs the command of a page with one of the compiler's names; whether it went well. */
function runCommand(command: string, tool: string, folder: TestFolder): boolean {
  const words = command.split(' ');
  const variables = words.filter((word) => /^[A-Z]+=/.test(word)).map((word) => word.split('='));
  const [, ...given] = words.slice(variables.length);
  const { PATH = '', HOME = folder.directory } = process.env;
  const path = `${join(nodeModules, '.bin')}:${PATH}`;
  const { status } = spawnSync(tool, given, {
    cwd: folder.directory,
    env: { ...process.env, PATH: path, HOME, ...Object.fromEntries(variables) },
  });
  return status === 0;
}

/** The name under which the compiler is here, with this target; undefined when it is not. */
function findTool({ command, otherTools = [], trial, source }: Example): string | undefined {
  const [tool = ''] = command.split(' ').filter((word) => !/^[A-Z]+=/.test(word));
  if (tool === 'npx') return tool;
  using folder = new TestFolder();
  folder.write(source, trial);
  return [tool, ...otherTools].find((name) => runCommand(command, name, folder));
}

describe.each(examples)('$page: $source', (example) => {
  const { page, folder: name, source, command, request, answer } = example;
  const sourcePath = join(examplesFolder, name, source);
  const module = /\S+\.wasm/.exec(command.replace('-femit-bin=', ''))?.[0] ?? '';
  const tool = findTool(example);

  test('is on its page, with its command', () => {
    const text = readPage(page);
    expect(text).toContain(readFileSync(sourcePath, 'utf8'));
    expect(text.replaceAll(' \\\n  ', ' ')).toContain(`${command}\n`);
  });

  // Compilers that npm does not bring are where they are.
  test.skipIf(tool === undefined)('compiles, and answers', async () => {
    using folder = new TestFolder();
    cpSync(sourcePath, folder.path(source));
    symlinkSync(nodeModules, folder.path('node_modules'));
    folder.write('terrafirma.toml', '["chat.wasm"]\ncgi.text_plain = true\n');
    expect(runCommand(command, tool ?? '', folder)).toBe(true);
    const options = { workingDirectory: folder.directory };
    const { stdout, code } = await runProgram(['run', module, ...request], options);
    expect({ stdout, code }).toEqual({ stdout: answer, code: 0 });
  });
});
