import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { digestBytes } from '../../../src/deploy/build/artifact.ts';
import { makeGoLike } from '../../engine/early/go-like.ts';
import { component } from '../../support/component-bytes.ts';
import { cliGuest } from '../../support/component-guests.ts';
import { TestFolder } from '../../support/folder.ts';
import { assemble } from '../../wasm/support/assemble.ts';
import { runProgram } from '../program.ts';

test('a module that would be served: everything about it, with 0', async () => {
  using folder = new TestFolder();
  folder.put('hello');
  const { code, stdout, stderr } = await runProgram(['inspect', folder.path('hello.wasm')]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^ {2}ABI +terrarium$/m);
  expect(stdout).toMatch(/^ {2}entry +run$/m);
  expect(stdout).toMatch(/^ {4}func env\.hostcall_resp_set_body \(i32, i32, i32\) -> \(i32\)$/m);
  expect(stdout).toMatch(/^ {2}state +one instance serves many requests, put back after each$/m);
  expect(stdout).toMatch(/^ {2}verdict +it would be served$/m);
});

test('a component: its interfaces, and how it is called', async () => {
  using folder = new TestFolder();
  folder.write('app.wasm', cliGuest('(func (export "run") (result i32) (i32.const 0))'));
  const { code, stdout } = await runProgram(['inspect', folder.path('app.wasm')]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ {2}ABI +wasi-cli$/m);
  expect(stdout).toMatch(/^ {2}component 2 core modules$/m);
  expect(stdout).toMatch(/^ {4}wasi:cli\/stdout@0\.2\.0$/m);
  expect(stdout).toMatch(/^ {4}wasi:cli\/run@0\.2\.0#run$/m);
});

test('a component that answers no requests: what it lacks', async () => {
  using folder = new TestFolder();
  folder.write('library.wasm', component());
  const { code, stdout } = await runProgram(['inspect', folder.path('library.wasm')]);
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /it would not be served\. .*it answers no requests: one that does exports/,
  );
});

test('--json has the same as data', async () => {
  using folder = new TestFolder();
  folder.put('hello');
  const { stdout } = await runProgram(['inspect', '--json', folder.path('hello.wasm')]);
  expect(JSON.parse(stdout)).toMatchObject({
    abi: 'terrarium',
    entry: 'run',
    digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    memories: [{ min: 1, isImported: false }],
    tables: [],
    features: [],
    exports: expect.arrayContaining([{ name: 'run', kind: 'func', type: '() -> ()' }]),
    restore: { isRestored: true },
    verdict: { isServed: true },
  });
});

test('a module whose state cannot be put back: which part of it, and why', async () => {
  using folder = new TestFolder();
  folder.write(
    'app.wasm',
    assemble(`(module
    (import "env" "hostcall_resp_set_body" (func (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (global (mut externref) (ref.null extern))
    (func (export "run")))`),
  );
  const { code, stdout } = await runProgram(['inspect', folder.path('app.wasm')]);
  expect(stdout).toMatch(/^ {2}state +every request needs a new instance: global 0 .*externref/m);
  expect(code).toBe(0);
});

describe('a module that is initialised before any request', () => {
  const moduleThat = (body: string): Uint8Array<ArrayBuffer> =>
    assemble(`(module
      (import "env" "hostcall_resp_set_body" (func (param i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "wizer.initialize") ${body})
      (func (export "run")))`);

  test('says what is called', async () => {
    using folder = new TestFolder();
    folder.write('app.wasm', moduleThat(''));
    const { code, stdout } = await runProgram(['inspect', folder.path('app.wasm')]);
    expect(stdout).toMatch(/^ {2}first +wizer\.initialize is called once/m);
    expect(code).toBe(0);
  });

  test('says why that fails, with 1', async () => {
    using folder = new TestFolder();
    folder.write('app.wasm', moduleThat('unreachable'));
    const { code, stdout } = await runProgram(['inspect', folder.path('app.wasm')]);
    expect(stdout).toMatch(/^ {2}verdict .*wizer\.initialize, before any request: .*unreachable/m);
    expect(code).toBe(1);
  });
});

describe('a module that would not be served: why, with 1', () => {
  test.each([
    ['imports-unknown', 'app.wasm', 'unknown import "env" "nope"'],
    ['hello', 'app.txt', 'its name must end in .wasm'],
    ['hello', 'app (conflict).wasm', 'conflict copy'],
    ['hello', '.app.wasm', 'hidden'],
  ])('%s as %s', async (guest, name, reason) => {
    using folder = new TestFolder();
    folder.put(guest, name);
    const { code, stdout } = await runProgram(['inspect', folder.path(name)]);
    expect(code).toBe(1);
    expect(stdout).toContain(reason);
  });

  test('what is no module at all', async () => {
    using folder = new TestFolder();
    folder.write('page.wasm', '<!doctype html>');
    const { code, stdout } = await runProgram(['inspect', '--json', folder.path('page.wasm')]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ bytes: 15, verdict: { isServed: false } });
  });
});

test('limits of the configuration hold', async () => {
  using folder = new TestFolder();
  folder.put('hello');
  const environment = { TERRAFIRMA_LIMITS_IMPORTS_MAX: '2' };
  const { code, stdout } = await runProgram(['inspect', folder.path('hello.wasm')], {
    environment,
  });
  expect(code).toBe(1);
  expect(stdout).toContain('imports');
});

test.each([
  [['none.wasm'], 'ENOENT'],
  [['.'], 'it must be a file: received something else'],
])('%j cannot be read: 2', async (argv, reason) => {
  using folder = new TestFolder();
  const options = { workingDirectory: folder.directory };
  const { code, stdout, stderr } = await runProgram(['inspect', ...argv], options);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(reason);
});

test('a file beyond moduleBytesMax is not read', async () => {
  using folder = new TestFolder();
  folder.put('hello');
  const environment = { TERRAFIRMA_LIMITS_MODULE_BYTES_MAX: '100' };
  const { code, stderr } = await runProgram(['inspect', folder.path('hello.wasm')], {
    environment,
  });
  expect(code).toBe(2);
  expect(stderr).toContain('at most 100 bytes');
});

test('a module that the daemon of this machine has quarantined', async () => {
  using folder = new TestFolder();
  using state = new TestFolder();
  folder.put('hello');
  const digest = digestBytes(readFileSync(folder.path('hello.wasm')));
  state.write(`suspects/${digest}.json`, '{ "marks": 2 }');
  const environment = { TERRAFIRMA_STATE_DIRECTORY: state.directory };
  const { code, stdout } = await runProgram(['inspect', folder.path('hello.wasm')], {
    environment,
  });
  expect(code).toBe(1);
  expect(stdout).toMatch(/verdict +.*it must not end the daemon/);
});

test('a program as Go makes them whose generator is not what it was given', async () => {
  using folder = new TestFolder();
  folder.write('app.wasm', makeGoLike());
  const { code, stdout } = await runProgram(['inspect', folder.path('app.wasm')]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ {2}start +is done in every request/m);
});
