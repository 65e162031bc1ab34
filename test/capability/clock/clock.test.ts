import { expect, test } from 'vitest';
import { systemClock } from '../../../src/capability/clock/clock.ts';

test('the clock counts nanoseconds since 1970, in whole milliseconds', () => {
  const before = BigInt(Date.now());
  const nowNs = systemClock.nowNs();
  const after = BigInt(Date.now());
  expect(nowNs % 1_000_000n).toBe(0n);
  expect(nowNs / 1_000_000n).toBeGreaterThanOrEqual(before);
  expect(nowNs / 1_000_000n).toBeLessThanOrEqual(after);
});
