import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';

const program = join(import.meta.dirname, '../bin/terrafirma.js');

test('a Node.js that is new enough starts it without a word about its own features', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'terrafirma-program-'));
  const args = ['serve', folder, '--listen', '127.0.0.1:0', '--state', join(folder, '.state')];
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  const exited = new Promise((resolve) => child.once('close', resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.includes('"serving"')) child.kill('SIGTERM');
  }
  expect(await exited).toBe(0);
  expect(complaints).toBe('');
  rmSync(folder, { recursive: true, force: true });
});
