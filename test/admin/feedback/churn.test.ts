import { describe, expect, test } from 'vitest';
import { Churn } from '../../../src/admin/feedback/churn.ts';

const at = (nowMs: number, isNetwork = false) => ({ nowMs, isNetwork });
const day = 86_400_000;

describe('what may be written into a folder', () => {
  test.each([
    ['status', false, 10_000],
    ['status', true, 60_000],
    ['log', false, 60_000],
    ['log', true, 300_000],
  ] as const)('%s, network %s: once in %i ms', (file, isNetwork, gapMs) => {
    const churn = new Churn();
    expect(churn.allows(file, 1, at(day, isNetwork))).toBe(true);
    churn.wrote(file, 1, day);
    expect(churn.allows(file, 1, at(day + gapMs - 1, isNetwork))).toBe(false);
    expect(churn.allows(file, 1, at(day + gapMs, isNetwork))).toBe(true);
  });

  test('50 MiB a day, and again on the next', () => {
    const churn = new Churn();
    churn.wrote('log', 50 * 1024 * 1024 - 10, day);
    expect(churn.allows('status', 10, at(day))).toBe(true);
    expect(churn.allows('status', 11, at(day))).toBe(false);
    expect(churn.allows('status', 11, at(2 * day))).toBe(true);
  });

  test('ten minutes of pause where it could not be', () => {
    const churn = new Churn();
    churn.failed(day);
    expect(churn.allows('status', 1, at(day + 599_999))).toBe(false);
    expect(churn.allows('status', 1, at(day + 600_000))).toBe(true);
  });
});
