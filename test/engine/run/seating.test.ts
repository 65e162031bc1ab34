import { describe, expect, test } from 'vitest';
import { Seating } from '../../../src/engine/run/seating.ts';
import { Admission } from '../../../src/engine/supply/admission.ts';
import { LinkedRequest } from '../../../src/engine/supply/linked-request.ts';
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

test('where the owner is held, that is why a request may not wait for another of it', () => {
  const admission = new Admission({
    ...{ runsPerSiteMax: 9, queuedRunsPerSiteMax: 9, runsPerOwnerMax: 9 },
    clientSharePercentMax: 100,
  });
  admission.limitOwner(shares.owner, 0);
  const linked = new LinkedRequest();
  linked.comeFrom([], () => undefined);
  const seating = new Seating({ admission, shares, runsMax: 9, linked });
  expect(() => seating.take()).toThrow(/kept everybody waiting/);
  const shared = new SharedSeat({ mayWait: false });
  const beside = new Seating({ admission, shares, runsMax: 9, shared });
  expect(() => beside.take()).toThrow(/kept everybody waiting/);
  admission.limitOwner(shares.owner, 9);
  expect(seating.take()).toBe(true);
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

describe('requests that runs send to their own installation', () => {
  const newAdmission = (limits: Partial<ConstructorParameters<typeof Admission>[0]> = {}) =>
    new Admission({
      ...{ runsPerSiteMax: 2, queuedRunsPerSiteMax: 9, runsPerOwnerMax: 9 },
      ...{ clientSharePercentMax: 100, ...limits },
    });
  const silent = { onSeat: () => undefined };
  const runOf = (admission: Admission, site = 'a', callers: readonly Seating[] = []): Seating => {
    const linked = callers.length === 0 ? undefined : new LinkedRequest();
    linked?.comeFrom(
      callers.map((caller) => caller.link()),
      () => undefined,
    );
    return new Seating({
      ...{ admission, shares: { ...shares, site }, runsMax: undefined, shared: undefined },
      ...{ linked, hasOwnSeats: false },
    });
  };
  const refused = /waits for this request itself/;

  test('one waits for what others give back, and not for what only its callers have', () => {
    const admission = newAdmission();
    const [caller, other] = [runOf(admission), runOf(admission)];
    expect([caller.take(), other.take()]).toEqual([true, true]);
    const back = runOf(admission, 'a', [caller]);
    expect(back.take()).toBe(false);
    let isSeated = false;
    back.wait({ onSeat: () => (isSeated = true) });
    other.leave();
    expect(isSeated).toBe(true);
    // Both seats are those of its callers now.
    expect(() => runOf(admission, 'a', [caller, back]).take()).toThrow(refused);
    back.leave();
    caller.leave();
    expect([runOf(admission).take(), runOf(admission).take()]).toEqual([true, true]);
  });

  test('many at once: the last of those that would all wait for each other is refused', () => {
    const admission = newAdmission();
    const callers = [runOf(admission), runOf(admission)];
    expect(callers.map((caller) => caller.take())).toEqual([true, true]);
    const [first, last] = callers.map((caller) => runOf(admission, 'a', [caller]));
    expect(first?.take()).toBe(false);
    first?.wait(silent);
    expect(() => last?.take()).toThrow(refused);
  });

  test('the seats of an owner are looked at, too', () => {
    const admission = newAdmission({ runsPerOwnerMax: 1 });
    const caller = runOf(admission, 'a');
    expect(caller.take()).toBe(true);
    expect(() => runOf(admission, 'b', [caller]).take()).toThrow(refused);
    caller.leave();
    expect(runOf(admission, 'b').take()).toBe(true);
  });

  test('what is sent at once from one run is answered one after the other', () => {
    const admission = newAdmission();
    const caller = runOf(admission);
    expect(caller.take()).toBe(true);
    const sent = [1, 2, 3].map(() => runOf(admission, 'a', [caller]));
    expect(sent.map((each) => each.take())).toEqual([true, false, false]);
    for (const each of sent.slice(1)) each.wait(silent);
    for (const each of sent) each.leave();
    expect(caller.link().waiting.size).toBe(0);
  });

  test('what waits on another thread for a caller is taken to wait for good', () => {
    const admission = newAdmission({ runsPerSiteMax: 1 });
    const caller = runOf(admission);
    expect(caller.take()).toBe(true);
    let isBlocked = false;
    caller.link().lookElsewhere(() => isBlocked);
    const stranger = new LinkedRequest();
    const waits: boolean[] = [];
    stranger.comeFrom([], (isWaiting) => waits.push(isWaiting));
    const back = (): Seating =>
      new Seating({
        ...{ admission, shares: { ...shares, site: 'a' }, runsMax: undefined, shared: undefined },
        ...{ linked: stranger, hasOwnSeats: false },
      });
    isBlocked = true;
    expect(() => back().take()).toThrow(refused);
    isBlocked = false;
    const waiting = back();
    expect(waiting.take()).toBe(false);
    waiting.wait(silent);
    caller.leave();
    waiting.leave();
    // It is said before it is looked whether it may.
    expect(waits).toEqual([true, false, true, false]);
  });
});
