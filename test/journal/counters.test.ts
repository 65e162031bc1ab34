import { describe, expect, test } from 'vitest';
import { CounterBook } from '../../src/journal/counter-book.ts';
import { ThreadCounters } from '../../src/journal/counters.ts';
import type { RequestRecord } from '../../src/journal/request-record.ts';
import type { FolderKey, ModulePath } from '../../src/names.ts';

const alice = '/keybase/private/alice' as FolderKey;
const bob = '/keybase/private/bob' as FolderKey;
const hello = 'hello.wasm' as ModulePath;
const other = 'other.wasm' as ModulePath;
const hourMs = 3_600_000;

function recordOn(counterRow: number, more: Partial<RequestRecord> = {}): RequestRecord {
  return {
    ...{ id: 'a-1', method: 'GET', hostName: 'a.example', path: '/', clientAddress: '192.0.2.1' },
    ...{ status: 200, bytesReceived: 10, bytesSent: 100, outcome: 'replied' },
    ...{ folderKey: alice, modulePath: hello, digest: undefined, abi: undefined },
    ...{ cpuUs: 20, wallUs: 300, memoryBytes: 65_536, errorCode: undefined },
    ...{ errorDetail: undefined, visitor: undefined, traceId: undefined, counterRow },
    ...more,
  };
}

function openBook(rowsMax: number, threads = 2) {
  let nowMs = 0;
  const book = new CounterBook({ threads, rowsMax, nowMs: () => nowMs });
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  const countersOf = (threadNumber: number) => new ThreadCounters(book.pageOf(threadNumber));
  const rowOf = (folder: FolderKey, path: ModulePath): number =>
    book.rowsOf(folder, [path]).get(path) ?? Number.NaN;
  const readOne = (folder: FolderKey | undefined) =>
    [...book.read()].find(({ folderKey }) => folderKey === folder);
  return { book, pass, countersOf, rowOf, readOne };
}

describe('counters', () => {
  test('of a module are the sums over all threads, its memory the highest', () => {
    const { countersOf, readOne, rowOf } = openBook(10);
    const row = rowOf(alice, hello);
    countersOf(0).note(recordOn(row));
    countersOf(1).note(recordOn(row, { outcome: 'trapped', memoryBytes: 131_072, wallUs: 5e6 }));
    const counted = readOne(alice);
    expect(counted).toMatchObject({
      modulePath: hello,
      guestCpuUs: 40,
      memoryPeakBytes: 131_072,
      receivedBytes: 20,
      sentBytes: 200,
      durationSumUs: 5_000_300,
    });
    expect(counted?.requests.get('replied')).toBe(1);
    expect(counted?.requests.get('trapped')).toBe(1);
    // 0.3 ms is at most 0.5 ms, the third bucket; 5 s is the end of the fifteenth.
    expect(counted?.durations.flatMap((count, index) => (count > 0 ? [index] : []))).toEqual([
      2, 14,
    ]);
  });

  test('go on where a thread is replaced by another', () => {
    const { countersOf, readOne, rowOf } = openBook(10);
    const row = rowOf(alice, hello);
    countersOf(0).note(recordOn(row));
    countersOf(0).note(recordOn(row));
    expect(readOne(alice)?.sentBytes).toBe(200);
  });

  test('what takes longer than the last bucket is in one of its own', () => {
    const { countersOf, readOne, rowOf } = openBook(10);
    countersOf(0).note(recordOn(rowOf(alice, hello), { wallUs: 31e6 }));
    expect(readOne(alice)?.durations.at(-1)).toBe(1);
  });
});

describe('rows', () => {
  test('modules beyond metricRowsMax are counted together', () => {
    const { book, countersOf, readOne } = openBook(1_000, 1);
    const paths = Array.from({ length: 20_000 }, (_, index) => `${index}.wasm` as ModulePath);
    const rows = book.rowsOf(alice, paths);
    for (const path of paths) countersOf(0).note(recordOn(rows.get(path) ?? Number.NaN));
    expect([...book.read()]).toHaveLength(1_001);
    expect(readOne(undefined)?.requests.get('replied')).toBe(19_000);
  });

  test('are given to others an hour after their module has gone, and begin at nothing', () => {
    const { book, countersOf, pass, readOne, rowOf } = openBook(1);
    const row = rowOf(alice, hello);
    countersOf(1).note(recordOn(row));
    book.leave(alice);
    pass(hourMs - 1);
    expect(rowOf(bob, hello)).toBe(0);
    pass(1);
    expect(rowOf(bob, hello)).toBe(row);
    expect(readOne(alice)).toBeUndefined();
    expect(readOne(bob)?.requests.get('replied')).toBe(0);
  });

  test('are their module’s again when it comes back within the hour', () => {
    const { book, countersOf, pass, readOne, rowOf } = openBook(1);
    const row = rowOf(alice, hello);
    countersOf(0).note(recordOn(row));
    book.rowsOf(alice, []);
    pass(hourMs - 1);
    expect(rowOf(alice, hello)).toBe(row);
    pass(hourMs);
    expect(rowOf(bob, other)).toBe(0);
    expect(readOne(alice)?.requests.get('replied')).toBe(1);
  });
});
