import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readTextNow } from '../../../src/outside/state/read-now.ts';

describe('readTextNow()', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'read-now-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  test('is the text of a file, and nothing where there is none', async () => {
    await writeFile(join(directory, 'there'), 'wörds');
    expect(readTextNow(join(directory, 'there'), 6)).toBe('wörds');
    expect(readTextNow(join(directory, 'absent'), 6)).toBeUndefined();
  });

  test('bytesMax: refuses a file that is larger', async () => {
    await writeFile(join(directory, 'large'), 'x'.repeat(7));
    expect(() => readTextNow(join(directory, 'large'), 6)).toThrow(/at most 6 bytes/);
  });

  test('passes on why it cannot be read', async () => {
    await mkdir(join(directory, 'directory'));
    expect(() => readTextNow(join(directory, 'directory'), 10_000)).toThrow(/EISDIR/);
  });
});
