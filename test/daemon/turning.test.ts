import { describe, expect, test } from 'vitest';
import { coreMsOf, Turning } from '../../src/daemon/turning.ts';
import { ownSystemThread } from '../../src/serve/system-thread.ts';

const stuckMs = 1_000;

describe('a thread whose beat stands still', () => {
  test('is stuck when it had the time on a core, and once only', () => {
    const turning = new Turning(stuckMs, 0);
    turning.look({ beat: 1, nowMs: 100, coreMs: 50 });
    expect(turning.look({ beat: 1, nowMs: 1_000, coreMs: 900 })).toBeUndefined();
    expect(turning.look({ beat: 1, nowMs: 1_101, coreMs: 1_051 })).toBe(1_001);
    expect(turning.look({ beat: 1, nowMs: 1_200, coreMs: 1_150 })).toBeUndefined();
  });

  test('is not stuck while the system gives it no core, but for six times as long', () => {
    const turning = new Turning(stuckMs, 0);
    turning.look({ beat: 1, nowMs: 100, coreMs: 50 });
    expect(turning.look({ beat: 1, nowMs: 6_100, coreMs: 1_050 })).toBeUndefined();
    expect(turning.look({ beat: 1, nowMs: 6_101, coreMs: 1_050 })).toBe(6_001);
  });

  test('is judged by the clock where nothing is known of its time', () => {
    const turning = new Turning(stuckMs, 0);
    turning.look({ beat: 1, nowMs: 100, coreMs: undefined });
    expect(turning.look({ beat: 1, nowMs: 1_101, coreMs: undefined })).toBe(1_001);
  });

  test('is not stuck when it beats', () => {
    const turning = new Turning(stuckMs, 0);
    for (let beat = 1; beat < 10; beat += 1) {
      expect(turning.look({ beat, nowMs: beat * 900, coreMs: beat * 900 })).toBeUndefined();
    }
  });
});

test.skipIf(ownSystemThread() === undefined)(
  'the time of a thread grows by what it computes',
  () => {
    const before = coreMsOf(ownSystemThread()) ?? 0;
    for (let n = 0; (coreMsOf(ownSystemThread()) ?? 0) < before + 20; n += 1) Math.sqrt(n);
    expect(coreMsOf(ownSystemThread())).toBeGreaterThan(before);
    expect(coreMsOf('0')).toBeUndefined();
  },
);
