import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openVisitKey } from '../../../src/capability/fetch/visit-key.ts';

const open = (stateDirectory: string, sealKeyFile?: string) =>
  openVisitKey({ stateDirectory, sealKeyFile });

describe('openVisitKey', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'visit-key-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  test('makes a key for the owner of the state directory alone, and keeps it', () => {
    const key = open(directory);
    expect(key).toHaveLength(32);
    expect(open(directory)).toEqual(key);
    expect(statSync(join(directory, 'visit.key')).mode & 0o777).toBe(0o600);
  });

  test('makes a new one where the file was cut short', () => {
    writeFileSync(join(directory, 'visit.key'), 'short');
    const key = open(directory);
    expect(key).toHaveLength(32);
    expect(open(directory)).toEqual(key);
  });

  test('says which file cannot be used', () => {
    const missing = join(directory, 'missing');
    expect(() => open(missing)).toThrow(
      expect.objectContaining({ code: 'state', message: expect.stringContaining(missing) }),
    );
  });

  test('is the same on all nodes that have one seal key, and leaves nothing behind', () => {
    const file = (name: string, text: string): string => {
      writeFileSync(join(directory, name), text);
      return join(directory, name);
    };
    const one = file('one', `${'ab'.repeat(32)}\n`);
    const same = file('same', `${'ab'.repeat(32)}\n${'cd'.repeat(32)}\n`);
    const other = file('other', 'cd'.repeat(32));
    expect(open(directory, one)).toHaveLength(32);
    expect(open(directory, one)).toEqual(open(join(directory, 'missing'), same));
    expect(open(directory, one)).not.toEqual(open(directory, other));
    expect(Buffer.from(open(directory, one)).toString('hex')).not.toBe('ab'.repeat(32));
    expect(existsSync(join(directory, 'visit.key'))).toBe(false);
    expect(() => open(directory, file('none', 'short'))).toThrow('64 hexadecimal digits');
  });
});
