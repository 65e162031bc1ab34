import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openVisitKey } from '../../../src/capability/fetch/visit-key.ts';

describe('openVisitKey', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'visit-key-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  test('makes a key for the owner of the state directory alone, and keeps it', () => {
    const key = openVisitKey(directory);
    expect(key).toHaveLength(32);
    expect(openVisitKey(directory)).toEqual(key);
    expect(statSync(join(directory, 'visit.key')).mode & 0o777).toBe(0o600);
  });

  test('makes a new one where the file was cut short', () => {
    writeFileSync(join(directory, 'visit.key'), 'short');
    const key = openVisitKey(directory);
    expect(key).toHaveLength(32);
    expect(openVisitKey(directory)).toEqual(key);
  });

  test('says which file cannot be used', () => {
    const missing = join(directory, 'missing');
    expect(() => openVisitKey(missing)).toThrow(
      expect.objectContaining({ code: 'state', message: expect.stringContaining(missing) }),
    );
  });
});
