/** `npm start`, whose npm is ended from outside: nothing of it may be left. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
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
