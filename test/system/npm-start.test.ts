/** `npm start`, whose npm is ended from outside: nothing of it may be left. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { TestFolder } from '../support/folder.ts';

const root = join(import.meta.dirname, '../..');
const hasNpm = spawnSync('npm', ['--version']).status === 0;

test.skipIf(!hasNpm || process.platform !== 'linux').each(['SIGTERM', 'SIGKILL'] as const)(
  'npm that gets %s takes the daemon with it (skipped without npm)',
  { timeout: 300_000 },
  async (signal) => {
    using place = new TestFolder();
    const npm = spawn('npm', ['start'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, PORT: '0', XDG_DATA_HOME: place.directory },
    });
    let text = '';
    npm.stdout.on('data', (chunk: Buffer) => {
      text += String(chunk);
    });
    while (!text.includes('"event":"serving"')) await once(npm.stdout, 'data');
    // All that npm has started hold the other end.
    const closed = once(npm.stdout, 'close');
    npm.kill(signal);
    await closed;
    expect(text).toContain('"event":"stopped"');
  },
);

test.skipIf(!hasNpm || process.platform !== 'linux').each(['sh', 'bash'])(
  'npm with %s for its scripts serves on when whoever started it has gone (skipped without npm)',
  { timeout: 300_000 },
  async (shell) => {
    using place = new TestFolder();
    // A shell that ends while what it has started goes on, as at the end of a session.
    const starter = spawn('bash', ['-c', `npm start --script-shell=${shell} & echo $! >&3; read`], {
      cwd: root,
      stdio: ['pipe', 'pipe', 'inherit', 'pipe'],
      env: { ...process.env, PORT: '0', XDG_DATA_HOME: place.directory },
    });
    const [, stdout, , numbers] = starter.stdio;
    if (!stdout || !(numbers instanceof Readable)) throw new Error('There must be pipes');
    const npm = Number(await once(numbers, 'data'));
    let text = '';
    stdout.on('data', (chunk: Buffer) => {
      text += String(chunk);
    });
    while (!text.includes('"event":"serving"')) await once(stdout, 'data');
    starter.stdin?.end();
    await once(starter, 'exit');
    // Longer than between two looks at who is there.
    await sleep(2_000);
    expect(text).not.toContain('"event":"stopped"');
    const closed = once(stdout, 'close');
    process.kill(npm, 'SIGTERM');
    await closed;
    expect(text).toContain('"event":"stopped"');
  },
);
