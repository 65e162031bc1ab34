import { expect, test } from 'vitest';
import { systemClock, systemTimer } from '../../../src/capability/clock/clock.ts';

test('the clock counts nanoseconds since 1970, in whole milliseconds', () => {
  const before = BigInt(Date.now());
  const nowNs = systemClock.nowNs();
  const after = BigInt(Date.now());
  expect(nowNs % 1_000_000n).toBe(0n);
  expect(nowNs / 1_000_000n).toBeGreaterThanOrEqual(before);
  expect(nowNs / 1_000_000n).toBeLessThanOrEqual(after);
});

test('nobody is woken before what it waited for is over', async () => {
  const early: bigint[] = [];
  const waits = Array.from({ length: 200 }, (_, place) => {
    const delayNs = BigInt(1 + (place % 5)) * 1_000_000n;
    const startNs = systemTimer.nowNs();
    return new Promise<void>((resolve) => {
      systemTimer.start(delayNs, () => {
        const tookNs = systemTimer.nowNs() - startNs;
        if (tookNs < delayNs) early.push(tookNs);
        resolve();
      });
    });
  });
  await Promise.all(waits);
  expect(early).toEqual([]);
});
