import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const program = join(import.meta.dirname, 'precedence-process.ts');

test('what a thread with precedence starts has none', () => {
  const { stdout } = spawnSync(process.execPath, [program], { encoding: 'utf8' });
  const { isTaken, usual, own, thread, child } = JSON.parse(stdout);
  expect([thread, child]).toEqual([usual, usual]);
  // Where it may not, everything is as it was.
  expect(own).toBe(isTaken ? Math.max(-20, usual - 5) : usual);
});
