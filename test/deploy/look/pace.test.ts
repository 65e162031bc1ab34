import { describe, expect, test } from 'vitest';
import { WalkPace } from '../../../src/deploy/look/pace.ts';
import type { OwnerKey } from '../../../src/names.ts';

const ALICE = '/keybase/private/alice' as OwnerKey;
const MALLORY = '/keybase/private/mallory' as OwnerKey;

describe('WalkPace', () => {
  /** A clock that stands still but for the waits. */
  function makePace(entriesPerSecondMax = 1_000) {
    const clock = { nowMs: 1_000_000, waitedMs: 0 };
    const pace = new WalkPace({
      entriesPerSecondMax,
      nowMs: () => clock.nowMs,
      wait: async (delayMs) => {
        clock.nowMs += delayMs;
        clock.waitedMs += delayMs;
      },
    });
    return { pace, clock };
  }

  test('lets what a small folder holds pass at once', async () => {
    const { pace, clock } = makePace();
    for (let count = 0; count < 10; count += 1) await pace.forOwner(ALICE).take(100);
    expect(clock.waitedMs).toBe(0);
  });

  test('takes as long for many as the pace says', async () => {
    const { pace, clock } = makePace();
    for (let count = 0; count < 100; count += 1) await pace.forOwner(MALLORY).take(100);
    expect(clock.waitedMs).toBe(9_000);
  });

  test('keeps an account for each owner', async () => {
    const { pace, clock } = makePace();
    for (let count = 0; count < 100; count += 1) await pace.forOwner(MALLORY).take(100);
    const before = clock.waitedMs;
    await pace.forOwner(ALICE).take(1_000);
    expect(clock.waitedMs).toBe(before);
  });

  test('bounds all owners together', async () => {
    const { pace, clock } = makePace();
    for (let owner = 0; owner < 20; owner += 1) {
      await pace.forOwner(`/keybase/private/m${owner}` as OwnerKey).take(1_000);
    }
    // Each is within its own; together they take ten seconds, the first at once.
    expect(clock.waitedMs).toBe(9_000);
  });

  test('ends the walks that wait, and all others, when it is closed', async () => {
    const pace = new WalkPace({ entriesPerSecondMax: 1, nowMs: () => 0 });
    const waiting = pace.forOwner(ALICE).take(1_000_000);
    pace.close();
    await expect(waiting).rejects.toMatchObject({ code: 'draining' });
    await expect(pace.forOwner(MALLORY).take(1)).rejects.toMatchObject({ code: 'draining' });
  });

  test('forgets owners whose walks are paid for', async () => {
    const { pace, clock } = makePace();
    for (let owner = 0; owner < 3_000; owner += 1) {
      await pace.forOwner(`/keybase/private/m${owner}` as OwnerKey).take(1);
      clock.nowMs += 10;
    }
    expect(pace.ownerCount).toBeLessThanOrEqual(1_025);
  });
});
