import { describe, expect, test } from 'vitest';
import { createTable, SharedRateTable } from '../../../src/capability/rates/shared-table.ts';
import { RateTables } from '../../../src/capability/rates/tables.ts';
import type { FolderKey } from '../../../src/names.ts';

const startMs = 1_700_000_000_000;

function open(entriesMax = 64) {
  const clock = { ms: startMs };
  const memory = createTable(entriesMax, Buffer.alloc(16, 7));
  const table = () => new SharedRateTable(memory, () => clock.ms);
  return { clock, table };
}

describe('SharedRateTable', () => {
  test('counts what came in the last seconds, in a window that slides', () => {
    const { clock, table } = open();
    const rates = table();
    rates.add('rc', 'a', 10);
    expect(rates.recent('rc', 'a', 1)).toBe(10);
    clock.ms += 1_250;
    expect(rates.recent('rc', 'a', 1)).toBeCloseTo(7.5);
    expect(rates.recent('rc', 'a', 10)).toBe(10);
    rates.add('rc', 'a', 1);
    clock.ms += 9_000;
    expect(rates.recent('rc', 'a', 10)).toBeCloseTo(1 + 10 * 0.75);
    clock.ms += 60_000;
    expect(rates.recent('rc', 'a', 60)).toBe(0);
  });

  test('is one table for all threads, and one for each name and entry', () => {
    const { table } = open();
    const [one, other] = [table(), table()];
    one.add('rc', 'a', 1);
    other.add('rc', 'a', 2);
    expect(one.recent('rc', 'a', 10)).toBe(3);
    expect(one.recent('rc', 'b', 10)).toBe(0);
    expect(one.recent('r', 'ca', 10)).toBe(0);
  });

  test('stops at the largest number', () => {
    const { table } = open();
    const rates = table();
    rates.add('rc', 'a', 0xffff_ffff);
    rates.add('rc', 'a', 5);
    expect(rates.recent('rc', 'a', 1)).toBe(0xffff_ffff);
  });

  test('keeps an entry in a box for its time', () => {
    const { clock, table } = open();
    const rates = table();
    rates.punish('pb', 'a', 60);
    clock.ms += 59_000;
    expect(rates.isPunished('pb', 'a')).toBe(true);
    expect(rates.isPunished('pb', 'b')).toBe(false);
    clock.ms += 1_000;
    expect(rates.isPunished('pb', 'a')).toBe(false);
  });

  test('forgets what nothing came for longest, and no punishment before its end', () => {
    const { clock, table } = open(8);
    const rates = table();
    rates.punish('pb', 'bad', 600);
    rates.add('rc', 'old', 1);
    clock.ms += 5_000;
    for (let n = 0; n < 6; n += 1) rates.add('rc', `a${n}`, 1);
    rates.add('rc', 'new', 1);
    expect(rates.recent('rc', 'old', 60)).toBe(0);
    expect(rates.recent('rc', 'new', 60)).toBe(1);
    for (let n = 0; n < 100; n += 1) rates.add('rc', `b${n}`, 1);
    expect(rates.isPunished('pb', 'bad')).toBe(true);
  });

  test('goes on where a thread was ended while it held a set', () => {
    const clock = { ms: startMs };
    const memory = createTable(8, Buffer.alloc(16, 7));
    new Int32Array(memory)[0] = 1;
    const rates = new SharedRateTable(memory, () => clock.ms);
    rates.add('rc', 'a', 1);
    expect(rates.recent('rc', 'a', 1)).toBe(1);
  });

  test('survives a clock that is put back', () => {
    const { clock, table } = open();
    const rates = table();
    rates.add('rc', 'a', 5);
    clock.ms -= 3_600_000;
    expect(rates.recent('rc', 'a', 10)).toBe(0);
    rates.add('rc', 'a', 1);
    expect(rates.recent('rc', 'a', 10)).toBe(1);
  });
});

describe('RateTables', () => {
  const limits = { rateEntriesPerSiteMax: 64, rateBytesMax: 60_000 };
  const folder = (name: string) => `/keybase/public/${name}` as FolderKey;

  test('gives each site its own, and the same again', () => {
    const tables = new RateTables(limits, () => 0);
    const one = tables.of(folder('alice/a'));
    expect(tables.of(folder('alice/a'))).toBe(one);
    expect(tables.of(folder('bob'))).not.toBe(one);
  });

  test('refuses an owner more than is left for others, until tables are forgotten', () => {
    let nowMs = 0;
    const tables = new RateTables(limits, () => nowMs);
    expect(tables.of(folder('alice/a'))).toBeDefined();
    expect(tables.of(folder('alice/b'))).toBeDefined();
    expect(tables.of(folder('alice/c'))).toBeUndefined();
    expect(tables.of(folder('bob'))).toBeDefined();
    nowMs = 4_000_000;
    expect(tables.of(folder('alice/c'))).toBeDefined();
  });
});
