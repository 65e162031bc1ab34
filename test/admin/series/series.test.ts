import { expect, test } from 'vitest';
import { DaemonSeries } from '../../../src/admin/series/daemon-series.ts';
import { ModuleSeries } from '../../../src/admin/series/module-series.ts';
import { Ring } from '../../../src/admin/series/ring.ts';
import { CounterBook } from '../../../src/journal/counter-book.ts';
import { ThreadCounters } from '../../../src/journal/counters.ts';
import type { RequestRecord } from '../../../src/journal/request-record.ts';
import type { FolderKey, ModulePath } from '../../../src/names.ts';

const alice = '/keybase/public/alice' as FolderKey;

function openBook(rowsMax = 20) {
  const book = new CounterBook({ threads: 2, rowsMax, nowMs: () => 0 });
  const threads = [new ThreadCounters(book.pageOf(0)), new ThreadCounters(book.pageOf(1))];
  const note = (thread: number, row: number, record: Partial<RequestRecord> = {}): void => {
    const whole = { outcome: 'replied', status: 200, wallUs: 2_000, cpuUs: 500, ...record };
    threads[thread]?.note({ bytesReceived: 0, bytesSent: 10, ...whole, counterRow: row } as never);
  };
  const rowOf = (path: string): number =>
    book.rowsOf(alice, [path as ModulePath]).get(path as ModulePath) ?? -1;
  return { book, note, rowOf };
}

test('a ring keeps the newest rows, in their order', () => {
  const ring = new Ring({ rows: 3, width: 2 });
  for (let row = 1; row <= 5; row += 1) ring.add([row, -row]);
  expect([...ring.column(0)]).toEqual([3, 4, 5]);
  expect([...ring.column(1, 2)]).toEqual([-4, -5]);
});

test('each second is what was counted in it, of all modules and threads', () => {
  const { book, note, rowOf } = openBook();
  let nowMs = 0;
  const series = new DaemonSeries({
    ...{ counters: book, looks: () => [], residentBytes: () => 7, nowMs: () => nowMs },
  });
  const second = (): void => {
    nowMs += 1_000;
    series.tick();
  };
  note(0, rowOf('a.wasm'));
  note(1, 0, { outcome: 'trapped', status: 500 });
  second();
  second();
  note(0, rowOf('a.wasm'));
  second();
  const { endsAtMs, series: told } = series.read(1, 300);
  expect(endsAtMs).toBe(3_000);
  expect(told.requests).toEqual([2, 0, 1]);
  expect(told.errors).toEqual([1, 0, 0]);
  expect(told.cpuMs).toEqual([1, 0, 0.5]);
  expect(told.p50Ms[1]).toBeNull();
  expect(told.p50Ms[0]).toBeGreaterThan(1);
  expect(told.residentBytes).toEqual([7, 7, 7]);
  expect(series.read(60, 10).series.requests).toEqual([]);
  for (let more = 0; more < 57; more += 1) second();
  expect(series.read(60, 10)).toMatchObject({ endsAtMs: 60_000, series: { requests: [3] } });
  for (let more = 0; more < 600; more += 1) second();
  expect(series.read(1, 1_000).series.requests).toHaveLength(300);
});

test('each module has an hour of its own, and those that use most come first', () => {
  const { book, note, rowOf } = openBook();
  const series = new ModuleSeries(() => 0);
  const tick = (): void => series.tick(book.sums());
  tick();
  note(0, rowOf('small.wasm'), { cpuUs: 1_000 });
  note(0, rowOf('large.wasm'), { cpuUs: 9_000, wallUs: 80_000 });
  tick();
  note(1, rowOf('large.wasm'), { cpuUs: 2_000, outcome: 'failed' });
  tick();
  expect(series.read({ folder: alice, module: 'large.wasm' }).series).toMatchObject({
    requests: [0, 1, 1],
    errors: [0, 0, 1],
    cpuMs: [0, 9, 2],
  });
  const both = series.read({ folder: alice }).series as { readonly requests: unknown };
  expect(both.requests).toEqual([0, 2, 1]);
  expect(series.read({ folder: '/other' }).series.requests).toEqual([0, 0, 0]);
  expect(series.cpu({}).rows).toMatchObject([
    { module: 'large.wasm', values: [0, 9, 2] },
    { module: 'small.wasm', values: [0, 1, 0] },
  ]);
});

test('of many modules eight are told each for itself, and the others together', () => {
  const { book, note, rowOf } = openBook();
  const series = new ModuleSeries(() => 0);
  for (let at = 1; at <= 11; at += 1) note(0, rowOf(`m${at}.wasm`), { cpuUs: at * 1_000 });
  series.tick(book.sums());
  const { rows } = series.cpu({});
  expect(rows).toHaveLength(9);
  expect(rows[0]).toMatchObject({ module: 'm11.wasm', values: [11] });
  expect(rows[8]).toMatchObject({ module: null, isRest: true, values: [1 + 2 + 3] });
});

test('a row that another module has got begins anew', () => {
  const { note, rowOf, book } = openBook();
  const series = new ModuleSeries(() => 0);
  note(0, rowOf('a.wasm'));
  series.tick(book.sums());
  const [, row] = [...book.sums()];
  if (row === undefined) throw new Error('there must be a row');
  series.tick([{ ...row, modulePath: 'b.wasm' as ModulePath, words: row.words.slice().fill(0) }]);
  expect(series.read({ module: 'b.wasm' }).series.requests).toEqual([0, 0]);
  expect(series.read({ module: 'a.wasm' }).series.requests).toEqual([0, 0]);
});
