import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lockState } from '../../../src/outside/state/lock.ts';
import { TestFolder } from '../../support/folder.ts';

const MODULE = join(import.meta.dirname, '../../../src/outside/state/lock.ts');

describe('lockState()', () => {
  test('makes the directory for its owner alone and locks it once', () => {
    using parent = new TestFolder();
    const directory = join(parent.directory, 'a/state');
    const lock = lockState(directory);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(() => lockState(directory)).toThrowError(
      expect.objectContaining({ code: 'start', message: expect.stringContaining(directory) }),
    );
    lock.release();
    lockState(directory).release();
  });

  test('is free again when the process that held it was killed', async () => {
    using folder = new TestFolder();
    const script = `import(${JSON.stringify(MODULE)}).then(({ lockState }) => {
      globalThis.held = lockState(${JSON.stringify(folder.directory)});
      console.log('locked');
      setInterval(() => undefined, 1000);
    });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
    await once(child.stdout, 'data');
    expect(() => lockState(folder.directory)).toThrow(/another daemon/);
    child.kill('SIGKILL');
    await once(child, 'exit');
    lockState(folder.directory).release();
  });

  test('refuses what is no directory', () => {
    using folder = new TestFolder();
    writeFileSync(folder.path('file'), '');
    expect(() => lockState(folder.path('file'))).toThrowError(
      expect.objectContaining({ code: 'state' }),
    );
  });
});
