import { describe, expect, test } from 'vitest';
import { RunRecord } from '../../../src/engine/run/record.ts';

const run = (cpuUs: number, pages?: number, fuel?: number) => ({
  ...{ cpuUs, pages, fuel, memoryBytes: 65_536 },
});

describe('RunRecord', () => {
  test('is due when the code is warm, and then ever more rarely', () => {
    const record = new RunRecord();
    const dueAt: number[] = [];
    for (let count = 1; count <= 12_000; count += 1) {
      record.add(run(10), 'copy');
      if (!record.isDue) continue;
      dueAt.push(count);
      record.review(1);
    }
    expect(dueAt).toEqual([128, 256, 512, 1_024, 2_048, 4_096, 8_192]);
  });

  test('review() tells the time of undisturbed runs, and forgets how slowly it began', () => {
    const record = new RunRecord();
    for (let count = 0; count < 16; count += 1) record.add(run(5_000), 'copy');
    for (let count = 0; count < 400; count += 1) {
      record.add(run(count % 5 === 0 ? 900 : 20), 'copy');
    }
    expect(record.review(1).cpuUs).toBeCloseTo(20, 0);
  });

  test('review() takes off what marking and page faults cost the guest', () => {
    const record = new RunRecord();
    for (let count = 0; count < 400; count += 1) record.add(run(110, 10), 'cards');
    expect(record.review(1)).toEqual({
      cpuUs: expect.closeTo(100, 3),
      pages: expect.closeTo(10, 3),
      memoryBytes: 1,
    });
    for (let count = 0; count < 400; count += 1) record.add(run(130), 'copy-on-write');
    expect(record.review(1).cpuUs).toBeCloseTo(100, 3);
  });

  test('review() takes no more for the time of the guest than its fuel can have lasted', () => {
    const record = new RunRecord();
    for (let count = 0; count < 400; count += 1) record.add(run(900, 5, 20_000), 'cards');
    expect(record.review(1).cpuUs).toBeCloseTo(20, 3);
  });

  test('wants 64 runs before a review measured, and the fuel of one in eight', () => {
    const record = new RunRecord();
    let [measured, sampled] = [0, 0];
    for (let count = 1; count <= 8_192; count += 1) {
      if (record.isSampling) sampled += 1;
      if (record.isMeasuring) {
        measured += 1;
        record.add(run(10), 'cards');
      } else record.count();
      if (record.isDue) record.review(1);
    }
    expect([measured, sampled]).toEqual([7 * 64, 7 * 8]);
  });

  test('runs that could not be measured bring no review nearer', () => {
    const record = new RunRecord();
    for (let count = 0; count < 1_000; count += 1) record.count();
    expect([record.isMeasuring, record.isDue]).toEqual([true, false]);
    for (let count = 0; count < 64; count += 1) record.add(run(10), 'cards');
    expect(record.isDue).toBe(true);
  });

  test('a program that changes is known by what it does before the next review', () => {
    const record = new RunRecord();
    for (let count = 0; count < 2_048; count += 1) {
      if (record.isMeasuring) record.add(run(10), 'copy');
      else record.count();
      if (record.isDue) record.review(1);
    }
    for (let count = 0; count < 2_048; count += 1) {
      if (record.isMeasuring) record.add(run(1_000), 'copy');
      else record.count();
    }
    expect(record.isDue).toBe(true);
    expect(record.review(1).cpuUs).toBeGreaterThan(800);
  });
});
