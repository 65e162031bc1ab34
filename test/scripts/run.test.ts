import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const runner = path.join(import.meta.dirname, '../../scripts/run.js');

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'terrafirma-run-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test('a script is the main one, gets its arguments, and its exit code is told', () => {
  const script = path.join(directory, 'script.ts');
  const told = 'console.log(import.meta.main, process.argv.slice(2).join());';
  writeFileSync(script, `${told}\nprocess.exitCode = 3 satisfies number;\n`);
  const { status, stdout } = spawnSync(process.execPath, [runner, script, 'one', '--two'], {
    encoding: 'utf8',
  });
  expect(stdout).toBe('true one,--two\n');
  expect(status).toBe(3);
});
