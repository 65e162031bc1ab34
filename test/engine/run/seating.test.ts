import { describe, expect, test } from 'vitest';
import { Seating } from '../../../src/engine/run/seating.ts';
import { Admission } from '../../../src/engine/supply/admission.ts';
import { SharedSeat } from '../../../src/engine/supply/shared-seat.ts';
import type { OwnerKey } from '../../../src/names.ts';

const shares = { owner: '/a' as OwnerKey, site: '/a/1', client: 'x' };
const overloaded = expect.objectContaining({ code: 'overloaded' });

describe('the seats of a request that middleware leads through several runs', () => {
  const admission = new Admission({
    ...{ runsPerSiteMax: 1, queuedRunsPerSiteMax: 9, runsPerOwnerMax: 1 },
    clientSharePercentMax: 100,
  });
  const seatingOf = (shared?: SharedSeat, hasOwnSeats = false): Seating => {
    const own = hasOwnSeats ? { ...shares, site: '/a/1\nown.wasm' } : shares;
    return new Seating({ admission, shares: own, runsMax: 1, shared, hasOwnSeats });
  };
  const isFree = (): boolean => {
    const seating = seatingOf();
    const has = seating.take();
    seating.leave();
    return has;
  };

  test('all of its runs have one, until the last of them has ended', () => {
    const shared = new SharedSeat();
    const link = seatingOf(shared);
    const behind = seatingOf(shared);
    expect([link.take(), behind.take(), isFree()]).toEqual([true, true, false]);
    link.leave();
    expect(isFree()).toBe(false);
    behind.leave();
    expect([isFree(), shared.isTaken]).toEqual([true, false]);
  });

  test('one after the other each takes it anew', () => {
    const shared = new SharedSeat();
    for (let run = 0; run < 3; run += 1) {
      const seating = seatingOf(shared);
      expect([seating.take(), isFree()]).toEqual([true, false]);
      seating.leave();
      expect(isFree()).toBe(true);
    }
  });

  test('the first may wait for it; who is beside another may not, and leaves nothing', () => {
    const other = seatingOf();
    expect(other.take()).toBe(true);
    const beside = seatingOf(new SharedSeat({ mayWait: false }));
    expect(() => beside.take()).toThrow(overloaded);
    beside.leave();
    const waiting = seatingOf(new SharedSeat());
    let isSeated = false;
    expect(waiting.take()).toBe(false);
    waiting.wait({ onSeat: () => (isSeated = true) });
    other.leave();
    expect(isSeated).toBe(true);
    waiting.leave();
    expect(isFree()).toBe(true);
  });

  test('a module with seats of its own takes one of them, and none of its owner', () => {
    const shared = new SharedSeat();
    const link = seatingOf(shared);
    const own = seatingOf(shared, true);
    expect([link.take(), own.take()]).toEqual([true, true]);
    const second = seatingOf(shared, true);
    expect(second.take()).toBe(false);
    second.leave();
    link.leave();
    expect(isFree()).toBe(false);
    own.leave();
    expect([isFree(), shared.isTaken]).toEqual([true, false]);
  });
});
