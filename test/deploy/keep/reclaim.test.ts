import { describe, expect, test } from 'vitest';
import { recordAfter } from '../../../src/deploy/keep/reclaim.ts';
import type { FolderRecord, ModuleRecord } from '../../../src/deploy/keep/record.ts';
import { formatRecord, parseRecord } from '../../../src/deploy/keep/record.ts';
import type { FolderKey } from '../../../src/names.ts';
import type { Digest } from '../../../src/threads/messages.ts';
import { pathOf } from '../world.ts';

const digest = 'a'.repeat(64) as Digest;
const version = { digest, abi: 'terrarium', acceptedAtMs: 1, bytes: 1 };
const live: ModuleRecord = { versions: [version], seen: { digest, stamp: '1' } };
const record: FolderRecord = {
  folderKey: '/shared/alice' as FolderKey,
  directory: '/d',
  modules: new Map([
    [pathOf('a.wasm'), live],
    [pathOf('b.wasm'), { ...live, goneAtMs: 100 }],
  ]),
};
const keptMs = 1_000;

function pathsOf(after: FolderRecord | undefined): readonly string[] {
  return [...(after?.modules.keys() ?? [])];
}

describe('a record after a look', () => {
  test('is the same while nothing has been gone for long', () => {
    expect(recordAfter(record, { presence: 'there', nowMs: 1_100, keptMs })).toBe(record);
    expect(recordAfter(record, { presence: 'unknown', nowMs: 1_100, keptMs })).toBe(record);
  });

  test('is without modules that have been gone for long', () => {
    const after = recordAfter(record, { presence: 'there', nowMs: 1_101, keptMs });
    expect(pathsOf(after)).toEqual(['a.wasm']);
  });

  test('remembers since when its folder has been gone, and goes when that is long ago', () => {
    const marked = recordAfter(record, { presence: 'gone', nowMs: 200, keptMs });
    expect(marked?.goneAtMs).toBe(200);
    if (marked === undefined) throw new Error('no record');
    const read = parseRecord(formatRecord(marked));
    expect(recordAfter(read, { presence: 'gone', nowMs: 1_200, keptMs })).toBe(read);
    expect(recordAfter(read, { presence: 'gone', nowMs: 1_201, keptMs })).toBeUndefined();
  });

  test('is not lost while the mount of its folder is away, however long', () => {
    const marked = { ...record, goneAtMs: 1, modules: new Map([[pathOf('a.wasm'), live]]) };
    expect(recordAfter(marked, { presence: 'unknown', nowMs: 10 ** 9, keptMs })).toBe(marked);
  });

  test('is as before when its folder comes back', () => {
    const marked = { ...record, goneAtMs: 200 };
    const after = recordAfter(marked, { presence: 'there', nowMs: 300, keptMs });
    expect(after).toBeDefined();
    expect(after?.goneAtMs).toBeUndefined();
    expect(pathsOf(after)).toEqual(['a.wasm', 'b.wasm']);
  });
});
