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
    const shared2 = new SharedSeat();
    expect([shared2.isTaken, seatingOf(shared2, true).take()]).toEqual([false, false]);
    // It would wait for itself.
    expect(() => seatingOf(shared, true).take()).toThrow(/waits for this request itself/);
    link.leave();
    expect(isFree()).toBe(false);
    own.leave();
    expect([isFree(), shared.isTaken]).toEqual([true, false]);
  });
});

describe('requests that lead through modules with seats of their own', () => {
  const newAdmission = (): Admission =>
    new Admission({
      ...{ runsPerSiteMax: 9, queuedRunsPerSiteMax: 9, runsPerOwnerMax: 9 },
      clientSharePercentMax: 100,
    });
  const to = (
    admission: Admission,
    module: string,
    how: { readonly shared?: SharedSeat; readonly runsMax?: number } = {},
  ): Seating =>
    new Seating({
      ...{ admission, shares: { ...shares, site: module }, runsMax: how.runsMax ?? 1 },
      ...{ shared: how.shared, hasOwnSeats: true },
    });
  const refused = /waits for this request itself; let modules that call each other/;

  test('in opposite order: the one that would close the ring is refused, the other goes on', () => {
    const admission = newAdmission();
    const [one, other] = [new SharedSeat(), new SharedSeat()];
    const [a, b] = [to(admission, 'a', { shared: one }), to(admission, 'b', { shared: other })];
    expect([a.take(), b.take()]).toEqual([true, true]);
    const behindA = to(admission, 'b', { shared: one });
    expect(behindA.take()).toBe(false);
    let isSeated = false;
    behindA.wait({ onSeat: () => (isSeated = true) });
    expect(() => to(admission, 'a', { shared: other }).take()).toThrow(refused);
    b.leave();
    expect(isSeated).toBe(true);
    behindA.leave();
    a.leave();
    expect([one.isTaken, other.isTaken, one.request.waiting.size]).toEqual([false, false, 0]);
    expect([to(admission, 'a').take(), to(admission, 'b').take()]).toEqual([true, true]);
  });

  test('a ring of three is found, and a chain of three is not taken for one', () => {
    const admission = newAdmission();
    const requests = ['a', 'b', 'c'].map((module) => {
      const shared = new SharedSeat();
      expect(to(admission, module, { shared }).take()).toBe(true);
      return shared;
    });
    const [a, b, c] = requests;
    for (const [shared, module] of [
      [a, 'b'],
      [b, 'c'],
    ] as const) {
      const waiting = to(admission, module, { ...(shared && { shared }) });
      expect(waiting.take()).toBe(false);
      waiting.wait({ onSeat: () => undefined });
    }
    expect(() => to(admission, 'a', { ...(c && { shared: c }) }).take()).toThrow(refused);
  });

  test('with two seats one that waits for nobody is enough to wait for', () => {
    const admission = newAdmission();
    const two = { runsMax: 2 };
    const [one, other, third] = [new SharedSeat(), new SharedSeat(), new SharedSeat()];
    expect(to(admission, 'a', { shared: one }).take()).toBe(true);
    expect(to(admission, 'b', { shared: other, ...two }).take()).toBe(true);
    const free = to(admission, 'b', { shared: third, ...two });
    expect(free.take()).toBe(true);
    const behindOther = to(admission, 'a', { shared: other });
    expect(behindOther.take()).toBe(false);
    behindOther.wait({ onSeat: () => undefined });
    // The third will end.
    const waiting = to(admission, 'b', { shared: one, ...two });
    expect(waiting.take()).toBe(false);
    waiting.wait({ onSeat: () => undefined });
    // Not if it waits for the first, which waits for it.
    expect(() => to(admission, 'a', { shared: third }).take()).toThrow(refused);
  });
});
