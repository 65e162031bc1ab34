import { describe, expect, test } from 'vitest';
import { AttemptRecord } from '../../src/engine/attempt/attempt-record.ts';

const kept = { isDropped: false, isClean: true };
const dropped = { isDropped: true, isClean: true };
const lost = { isDropped: true, isClean: false };

function times(count: number, act: () => void): void {
  for (let time = 0; time < count; time += 1) act();
}

/** How many quiet runs in a row it takes until an attempt is worth it. */
function quietRunsUntilWorth(record: AttemptRecord): number {
  let runs = 0;
  for (; !record.isWorthIt; runs += 1) record.noteRun(true);
  return runs;
}

describe('AttemptRecord', () => {
  test('wants a row of runs that waited for nothing', () => {
    const record = new AttemptRecord();
    times(63, () => record.noteRun(true));
    record.noteRun(false);
    expect(quietRunsUntilWorth(record)).toBe(64);
  });

  test('wants ever more of them where attempts are dropped, up to a bound', () => {
    const record = new AttemptRecord();
    const rows: number[] = [];
    times(8, () => {
      rows.push(quietRunsUntilWorth(record));
      record.note(lost);
    });
    expect(rows).toEqual([64, 256, 1_024, 4_096, 16_384, 65_536, 65_536, 65_536]);
  });

  test('goes on where few are dropped: fewer where a guest is lost with each', () => {
    const record = new AttemptRecord();
    quietRunsUntilWorth(record);
    times(8, () => record.note(kept));
    record.note(dropped);
    expect(record.isWorthIt).toBe(true);
    times(511, () => record.note(kept));
    record.note(lost);
    expect(record.isWorthIt).toBe(false);
    expect(quietRunsUntilWorth(record)).toBe(256);
    times(512, () => record.note(kept));
    record.note(lost);
    expect(record.isWorthIt).toBe(true);
    // A long row has forgiven what was before.
    record.note(lost);
    expect(quietRunsUntilWorth(record)).toBe(256);
  });

  test('counts them', () => {
    const record = new AttemptRecord();
    times(3, () => record.note(kept));
    record.note(dropped);
    expect(record.counts).toEqual({ kept: 3, dropped: 1 });
  });

  test('is told what to say by tests and benchmarks', () => {
    const always = new AttemptRecord('always');
    times(9, () => always.note(lost));
    expect(always.isWorthIt).toBe(true);
    const never = new AttemptRecord('never');
    times(100, () => never.noteRun(true));
    expect(never.isWorthIt).toBe(false);
  });
});
