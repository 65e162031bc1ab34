import { describe, expect, test } from 'vitest';
import { assemble } from '../../support/abi-puppet.ts';
import { TestFolder } from '../../support/folder.ts';
import { guard, relayLink, relayTo, trapsAfter } from '../../support/link-guests.ts';
import { runProgram } from '../program.ts';

function folderWith(links: readonly string[], more = ''): TestFolder {
  const folder = new TestFolder();
  folder.write('guard.wasm', guard);
  folder.write('relay.wasm', relayLink);
  folder.write('other.wasm', relayTo('/notes/page.txt'));
  folder.put('echo', 'app.wasm');
  folder.write('notes/page.txt', 'the page');
  const names = links.map((name) => `"${name}.wasm"`).join(', ');
  folder.write('terrafirma.toml', `[[middleware]]\nfor = "/app.wasm/*"\nuse = [${names}]\n${more}`);
  return folder;
}

async function run(folder: TestFolder, ...argv: readonly string[]) {
  return await runProgram(['run', ...argv, '--folder', '.', '--include'], {
    workingDirectory: folder.directory,
  });
}

describe('middleware before the path', () => {
  test('runs first: it answers itself, or passes on', async () => {
    using folder = folderWith(['guard']);
    const refused = await run(folder, 'app.wasm', '--path', '/app.wasm/x');
    expect(refused).toMatchObject({ code: 0, stderr: '' });
    expect(refused.stdout).toMatch(/^HTTP\/1\.1 401 [\s\S]*\r\n\r\nwho are you\?$/);
    const passed = await run(folder, 'app.wasm', '--path', '/app.wasm/k');
    expect(passed).toMatchObject({ code: 0, stderr: '' });
    expect(passed.stdout).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\nGET \/app\.wasm\/k$/m);
  });

  test('sends on, with the body, and changes the answer', async () => {
    using folder = folderWith(['relay']);
    const { code, stderr, stdout } = await run(folder, 'app.wasm', '--data', 'the body');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^x-link: x-link\r$/m);
    expect(stdout).toMatch(/^POST \/app\.wasm$/m);
    expect(stdout).toMatch(/\n\nthe body$/);
  });

  test('is named in what is told of its calls', async () => {
    using folder = folderWith(['relay', 'guard']);
    const { code, stderr } = await run(folder, 'app.wasm', '--path', '/app.wasm/k', '--trace');
    expect(code).toBe(0);
    const lines = stderr.trimEnd().split('\n');
    const names = new Set(lines.map((line) => line.slice(0, line.indexOf(': '))));
    expect([...names].sort()).toEqual(['app.wasm', 'guard.wasm', 'relay.wasm']);
    // Texts, and not where they lie.
    expect(stderr).toMatch(/^guard\.wasm: wasi:http\/.* → .*"\/app\.wasm\/k"/m);
  });

  test('is named where it fails', async () => {
    using folder = folderWith(['traps']);
    folder.write('traps.wasm', trapsAfter);
    const { code, stderr } = await run(folder, 'app.wasm');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^traps\.wasm, a link before the path, failed \(trapped\): /m);
  });

  test('what it sends elsewhere is answered by what is there', async () => {
    using folder = folderWith(['other']);
    const { code, stdout } = await run(folder, 'app.wasm');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\nthe page$/);
  });

  test('that is missing or refused is why there is no answer', async () => {
    using folder = folderWith(['gone']);
    const gone = await run(folder, 'app.wasm');
    expect(gone).toMatchObject({ code: 1, stdout: '' });
    expect(gone.stderr).toContain('each module of [[middleware]] must be there');
    folder.write('gone.wasm', 'no module');
    const refused = await run(folder, 'app.wasm');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('Cannot read the module');
  });

  test('runs where it stands when it is named itself', async () => {
    using folder = folderWith(['relay', 'guard']);
    const { code, stdout } = await run(folder, 'guard.wasm', '--path', '/app.wasm/k');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^x-link: x-link\r$/m);
    expect(stdout).toMatch(/^GET \/app\.wasm\/k$/m);
  });
});

test('the answer has the headers that the folder gives it', async () => {
  using folder = folderWith(
    ['guard'],
    '[[headers]]\nfor = "/app.wasm/*"\napply = "all"\nset = { x-frame-options = "DENY" }\n',
  );
  const { stdout } = await run(folder, 'app.wasm', '--path', '/app.wasm/k');
  expect(stdout).toMatch(/^x-frame-options: DENY\r$/m);
});

test('a redirect inside the site is followed', async () => {
  using folder = new TestFolder();
  const program = await assemble(`(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\\08\\00\\00\\00\\15\\00\\00\\00Location: /page.txt\\n\\n")
    (func (export "_start")
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))))`);
  folder.write('app.wasm', program);
  folder.write('page.txt', 'the page');
  const { code, stdout } = await run(folder, 'app.wasm');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\nthe page$/);
});
