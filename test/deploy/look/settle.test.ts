import { describe, expect, test } from 'vitest';
import { settleWaitMs, sight, soonest } from '../../../src/deploy/look/settle.ts';
import type { FolderTiming } from '../../../src/deploy/look/timing.ts';

const timing: FolderTiming = { quietMs: 300, pollMs: 1_000, settledAgeMs: 300, hasEvents: true };
const network: FolderTiming = {
  quietMs: 2_000,
  pollMs: 2_000,
  settledAgeMs: 60_000,
  hasEvents: false,
};
const nowMs = 1_000_000;
const file = (changedAtMs: number, sizeBytes = 100) => ({ changedAtMs, sizeBytes });
const seenSince = (sinceMs: number) => ({ stamp: 's', sinceMs });

describe('settleWaitMs()', () => {
  test('an old file is complete at first sight', () => {
    expect(settleWaitMs(file(nowMs - 300), seenSince(nowMs), { timing, nowMs })).toBe(0);
  });

  test('a fresh file waits for the rest of the quiet time', () => {
    expect(settleWaitMs(file(nowMs - 100), seenSince(nowMs), { timing, nowMs })).toBe(200);
  });

  test('a file from the future waits until it was seen unchanged for the quiet time', () => {
    const future = file(nowMs + 3_600_000);
    expect(settleWaitMs(future, seenSince(nowMs), { timing, nowMs })).toBe(300);
    expect(settleWaitMs(future, seenSince(nowMs - 300), { timing, nowMs })).toBe(0);
  });

  test('on a network mount a file of a minute ago may still be arriving', () => {
    const clock = { timing: network, nowMs };
    expect(settleWaitMs(file(nowMs - 30_000), seenSince(nowMs), clock)).toBe(2_000);
    expect(settleWaitMs(file(nowMs - 60_000), seenSince(nowMs), clock)).toBe(0);
  });

  test('a file shorter than a header gets five times as long', () => {
    const clock = { timing, nowMs };
    expect(settleWaitMs(file(nowMs, 0), seenSince(nowMs), clock)).toBe(1_500);
    expect(settleWaitMs(file(nowMs - 400, 7), seenSince(nowMs - 400), clock)).toBe(1_100);
    expect(settleWaitMs(file(nowMs - 400, 8), seenSince(nowMs - 400), clock)).toBe(0);
  });
});

describe('sight()', () => {
  test('keeps its beginning while the stamp stays, and begins anew when it moves', () => {
    const first = sight({ stamp: 'a' }, undefined, 10);
    expect(sight({ stamp: 'a' }, first, 20)).toBe(first);
    expect(sight({ stamp: 'b' }, first, 20)).toEqual({ stamp: 'b', sinceMs: 20 });
  });
});

describe('soonest()', () => {
  test('is the shortest wait that is one', () => {
    expect(soonest([])).toBe(0);
    expect(soonest([0, 0])).toBe(0);
    expect(soonest([0, 7, 3, 0])).toBe(3);
  });
});
