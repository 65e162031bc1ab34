/** What `npm run conformance` says when it cannot run a suite. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { TestFolder } from '../support/folder.ts';

const script = path.join(import.meta.dirname, '../../scripts/conformance.ts');

function run(...args: readonly string[]): { status: number | null; out: string; err: string } {
  const ended = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });
  return { status: ended.status, out: ended.stdout, err: ended.stderr };
}

test('--help names each suite and what DIR is', () => {
  const { status, out, err } = run('--help');
  expect({ status, err }).toEqual({ status: 0, err: '' });
  for (const name of ['spec', 'wasi', 'wasi3', 'components', 'vectors', 'http-wasm', 'oracle']) {
    expect(out).toContain(`npm run conformance -- ${name} DIR`);
  }
  expect(out).toContain('DIR: a copy of github.com/WebAssembly/testsuite');
});

test('an unknown flag is refused before anything else', () => {
  const { status, err } = run('--wrong');
  expect(status).toBe(2);
  expect(err).toMatch(/^Cannot run npm run conformance: Unknown option '--wrong'\nSee: /);
});

test.each([
  [['constructor', '.'], 'it must be one of the suites below: received constructor'],
  [['spec'], 'DIR must be a copy of github.com/WebAssembly/testsuite: received none'],
  [['oracle', '/nonexistent'], 'DIR must be a folder of components: received /nonexistent'],
])('%j is refused in one sentence, with the usage', (args, sentence) => {
  const { status, err } = run(...args);
  expect(status).toBe(2);
  expect(err.split('\n')[0]).toContain(`Cannot run a suite: ${sentence}`);
  expect(err).toContain('npm run conformance -- spec DIR');
});

test('a folder that is not the suite, and a program that is absent, are named', () => {
  using folder = new TestFolder();
  for (const [suite, landmark] of [
    ['spec', 'legacy'],
    ['wasi', 'tests'],
    ['wasi3', 'tests/rust/testsuite/wasm32-wasip3'],
    ['vectors', 'definitions.py'],
    ['http-wasm', 'tck'],
  ] as const) {
    const { status, err } = run(suite, folder.directory);
    expect(status).toBe(2);
    expect(err.split('\n')[0]).toContain(`received ${folder.directory}, which has no ${landmark}`);
  }
  folder.write('definitions.py', '');
  for (const [suite, flag] of [
    ['components', '--wasm-tools'],
    ['vectors', '--python'],
  ] as const) {
    const { status, err } = run(suite, folder.directory, flag, '/nonexistent/program');
    expect(status).toBe(2);
    expect(err.split('\n')[0]).toContain('the program /nonexistent/program must be on the PATH');
  }
});
