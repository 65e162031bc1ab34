import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
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

test('a script that npm has started ends when the shell between is killed', async () => {
  writeFileSync(
    path.join(directory, 'waits.mjs'),
    "process.on('SIGTERM', () => { console.log('ended'); process.exit(0); });\n" +
      "setInterval(() => undefined, 1_000);\nconsole.log('runs');\n",
  );
  // The shell stays, as npm's does on some systems, and passes no signal on.
  const shell = spawn('sh', ['-c', '"$0" "$@"; true', process.execPath, runner, 'waits.mjs'], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, npm_lifecycle_event: 'waits', npm_lifecycle_script: 'waits' },
  });
  let text = '';
  shell.stdout.on('data', (chunk: Buffer) => {
    text += String(chunk);
  });
  while (!text.includes('runs')) await once(shell.stdout, 'data');
  // The script holds the other end.
  const closed = once(shell.stdout, 'close');
  shell.kill('SIGKILL');
  await closed;
  expect(text).toContain('ended');
});
