import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readProject } from '../../../src/commands/project/project-file.ts';
import { guestBytes, TestFolder } from '../../support/folder.ts';
import { runProgram } from '../program.ts';

let folder: TestFolder;
beforeEach(() => {
  folder = new TestFolder();
});
afterEach(() => folder[Symbol.dispose]());

const build = (...argv: string[]) =>
  runProgram(['build', ...argv], { workingDirectory: folder.directory });

function project(...functions: readonly string[]): void {
  folder.write('project.toml', ['site = "site"', ...functions].join('\n'));
}

const copying = (name: string, from: string, more = ''): string =>
  `[[function]]\nname = "${name}"\ncommand = "cp ${from} out.wasm"\noutput = "out.wasm"\n${more}`;

describe('terrafirma build', () => {
  test('puts what a command has made into the site, also below a directory', async () => {
    folder.write('hello.bin', guestBytes('hello'));
    project(copying('api/hello.wasm', 'hello.bin'));
    const { code, stdout } = await build();
    expect(stdout).toMatch(/^api\/hello\.wasm {2}built \d+\.\d s {2}accepted {2}[\d.]+ (KiB|B)\n$/);
    expect(code).toBe(0);
    expect(readFileSync(folder.path('site/api/hello.wasm'))).toEqual(
      Buffer.from(guestBytes('hello')),
    );
  });

  test('leaves the good module in the site when the next one is refused', async () => {
    folder.write('hello.bin', guestBytes('hello'));
    project(copying('hello.wasm', 'hello.bin'));
    expect((await build()).code).toBe(0);
    folder.write('hello.bin', 'no module');
    const { code, stderr } = await build();
    expect(code).toBe(1);
    expect(stderr).toContain('it is not in the site');
    expect(readFileSync(folder.path('site/hello.wasm'))).toEqual(Buffer.from(guestBytes('hello')));
  });

  test('shows what a failing command said, and goes on with the others', async () => {
    folder.write('hello.bin', guestBytes('hello'));
    const failing =
      '[[function]]\nname = "bad.wasm"\ncommand = "echo line 3 is wrong >&2; exit 4"\n';
    project(failing, copying('hello.wasm', 'hello.bin'));
    const { code, stderr, stdout } = await build();
    expect(code).toBe(1);
    expect(stderr).toContain('line 3 is wrong');
    expect(stderr).toContain('Cannot build bad.wasm: its command must end with 0: received 4');
    expect(stdout).toContain('hello.wasm  built');
  });

  test('says which file a command that ended well has not written', async () => {
    project('[[function]]\nname = "a.wasm"\ncommand = "true"\noutput = "target/a.wasm"\n');
    const { code, stderr } = await build();
    expect(code).toBe(2);
    expect(stderr).toContain(
      'Cannot build a.wasm: its command must write the file that "output" in project.toml names: ' +
        `received none at ${folder.path('target/a.wasm')}`,
    );
  });

  test('builds one alone by its name, with or without the ending', async () => {
    folder.write('hello.bin', guestBytes('hello'));
    project(copying('a.wasm', 'hello.bin'), copying('b.wasm', 'hello.bin'));
    expect((await build('b')).code).toBe(0);
    expect(existsSync(folder.path('site/a.wasm'))).toBe(false);
    expect(existsSync(folder.path('site/b.wasm'))).toBe(true);
    const { code, stderr } = await build('c.wasm');
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining('the name must be one of project.toml'),
    });
  });

  test('looks for the compiler and its target before it runs anything', async () => {
    project('[[function]]\nname = "a.wasm"\ncommand = "LANG=C no-such-compiler -o a.wasm"\n');
    const { code, stderr } = await build();
    expect(code).toBe(2);
    expect(stderr).toContain('Cannot build a.wasm: no-such-compiler must be on the PATH');
  });

  test('says how to add a target that rustc lacks', async () => {
    folder.write('bin/rustc', '#!/bin/sh\necho /nowhere/lib\n');
    project('[[function]]\nname = "a.wasm"\ncommand = "rustc --target wasm32-wasip1 a.rs"\n');
    const { chmodSync } = await import('node:fs');
    chmodSync(folder.path('bin/rustc'), 0o755);
    const { code, stderr } = await runProgram(['build'], {
      workingDirectory: folder.directory,
      environment: { PATH: `${folder.path('bin')}:${process.env.PATH}` },
    });
    expect(code).toBe(2);
    expect(stderr).toContain(
      'Cannot build a.wasm: rustc needs the target wasm32-wasip1: run rustup target add ' +
        'wasm32-wasip1',
    );
  });

  test('says which package has the library of C++', async () => {
    folder.write('usr/include/wasm32-wasi/stdio.h', '');
    folder.write('bin/clang++', '#!/bin/sh\nexit 3\n');
    chmodSync(folder.path('bin/clang++'), 0o755);
    const command = 'bin/clang++ --target=wasm32-wasi --sysroot=usr -stdlib=libc++ a.cpp';
    project(`[[function]]\nname = "a.wasm"\ncommand = "${command}"\n`);
    const { code, stderr } = await build();
    expect(code).toBe(2);
    expect(stderr).toContain('needs the library of C++ for WASI: apt install libc++-dev-wasm32');
    folder.write('usr/include/wasm32-wasi/c++/v1/algorithm', '');
    expect((await build()).stderr).toContain('its command must end with 0: received 3');
  });

  test('says at once what it does: a compiler may take minutes', async () => {
    folder.write('hello.bin', guestBytes('hello'));
    project(copying('hello.wasm', 'hello.bin'));
    const { stderr } = await build();
    expect(stderr).toBe('hello.wasm  building: cp hello.bin out.wasm\n');
    expect((await build('--json')).stderr).toBe('');
  });

  test('tells programs by JSON, a line each', async () => {
    folder.write('hello.bin', guestBytes('hello'));
    project(copying('hello.wasm', 'hello.bin'));
    const { stdout } = await build('--json');
    expect(JSON.parse(stdout)).toMatchObject({
      schemaVersion: 1,
      name: 'hello.wasm',
      kind: 'built',
      abi: 'terrarium',
    });
  });
});

test('a project of files alone needs no build', async () => {
  project();
  const { code, stderr, stdout } = await build();
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toBe(
    'Nothing to build: project.toml has no [[function]]; the site is files alone\n',
  );
});

describe('project.toml', () => {
  const refused: readonly (readonly [string, string])[] = [
    ['site = 3', 'project.toml:1: site must be a path within the project: received a number'],
    ['site = "../up"', 'project.toml:1: a path must be within the project'],
    ['site = "/etc"', 'project.toml:1: a path must be within the project'],
    ['sites = "a"', 'did you mean "site"?'],
    ['[[function]]\nname = "a.txt"\ncommand = "x"', 'must be the path of a module'],
    ['[[function]]\nname = "../a.wasm"\ncommand = "x"', 'must be the path of a module'],
    ['[[function]]\nname = "a.wasm"', 'must have "command"'],
    ['[[function]]\nname = "a.wasm"\ncommand = "x"\noutput = "site/a.wasm"', 'must not be in the'],
    [
      '[[function]]\nname = "a.wasm"\ncommand = "x"\n[[function]]\nname = "a.wasm"\ncommand = "y"',
      'a name of its own',
    ],
    ['= 3', 'project.toml:1: it must be TOML'],
  ];

  test.each(refused)('%j is refused', (text, sentence) => {
    folder.write('project.toml', text);
    expect(() => readProject(folder.directory)).toThrow(sentence);
  });

  test('that is not there is told how to be made', async () => {
    const { code, stderr } = await build();
    expect(code).toBe(2);
    expect(stderr).toContain('"terrafirma new" makes a project');
  });

  test('holds no more functions than there may be', () => {
    const rows = Array.from(
      { length: 257 },
      (_, at) => `[[function]]\nname = "f${at}.wasm"\ncommand = "x"`,
    );
    folder.write('project.toml', rows.join('\n'));
    expect(() => readProject(folder.directory)).toThrow('may hold at most 256 functions');
  });
});
