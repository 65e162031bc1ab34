import { describe, expect, test } from 'vitest';
import { type MemoryNow, TidyPlan } from '../../src/account/tidy-plan.ts';

const mib = 1024 * 1024;

interface Look {
  readonly heldMib?: number;
  readonly outsideMib?: number;
  readonly isShort?: boolean;
  readonly isCalm?: boolean;
}

/** How many of so many looks at the same memory ask for a collection. */
function look(plan: TidyPlan, looks: number, now: Look): number {
  const { heldMib = 0, outsideMib = 100, isShort = false, isCalm = false } = now;
  const memory: MemoryNow = {
    heldBytes: heldMib * mib,
    outsideBytes: outsideMib * mib,
    baseBytes: 100 * mib,
    isShort,
    isCalm,
  };
  return Array.from({ length: looks }, () => plan.next(memory)).filter(Boolean).length;
}

describe('TidyPlan', () => {
  test('leaves a program alone that has only what it needs', () => {
    expect(look(new TidyPlan(), 10_000, { outsideMib: 109, isShort: true })).toBe(0);
  });

  test('lets heaps grow as they do under ordinary load, unless memory is short', () => {
    expect(look(new TidyPlan(), 10_000, { outsideMib: 350, heldMib: 10 })).toBe(0);
    expect(look(new TidyPlan(), 10_000, { outsideMib: 360 })).toBeGreaterThan(0);
    expect(look(new TidyPlan(), 10_000, { outsideMib: 350, isShort: true })).toBeGreaterThan(0);
  });

  test('collects after less when it is calm again, once for each time that it was not', () => {
    const plan = new TidyPlan();
    expect(look(plan, 1_000, { outsideMib: 200 })).toBe(0);
    expect(look(plan, 5, { outsideMib: 200, isCalm: true })).toBe(1);
    look(plan, 60, { outsideMib: 110, isCalm: true });
    expect(look(plan, 50, { outsideMib: 200, isCalm: true })).toBe(0);
    look(plan, 1, { outsideMib: 200 });
    expect(look(plan, 5, { outsideMib: 200, isCalm: true })).toBe(1);
  });

  test('collects once more when it stays calm, for what V8 has kept of the first time', () => {
    const plan = new TidyPlan();
    look(plan, 100, { outsideMib: 200 });
    expect(look(plan, 5, { outsideMib: 200, isCalm: true })).toBe(1);
    expect(look(plan, 40, { outsideMib: 200, isCalm: true })).toBe(0);
    expect(look(plan, 10, { outsideMib: 200, isCalm: true })).toBe(1);
    expect(look(plan, 1_000, { outsideMib: 110, isCalm: true })).toBe(0);
  });

  test('does not collect once more when it is busy again, or when all is back', () => {
    const plan = new TidyPlan();
    look(plan, 100, { outsideMib: 200 });
    expect(look(plan, 5, { outsideMib: 200, isCalm: true })).toBe(1);
    expect(look(plan, 100, { outsideMib: 200 })).toBe(0);
    expect(look(plan, 100, { outsideMib: 200, isCalm: true })).toBe(0);
    expect(look(plan, 5, { outsideMib: 300, isCalm: true })).toBe(1);
    expect(look(plan, 1_000, { outsideMib: 110, isCalm: true })).toBe(0);
  });

  test('collects in a calm time while guests wait that hold much, and seldom', () => {
    const plan = new TidyPlan();
    expect(look(plan, 1_000, { heldMib: 1_000 })).toBe(0);
    expect(look(plan, 1_000, { heldMib: 1_000, isCalm: true })).toBe(2);
    for (let time = 0; time < 10; time += 1) {
      look(plan, 5, { heldMib: 1_000 });
      look(plan, 5, { heldMib: 1_000, isCalm: true });
    }
    expect(look(plan, 1_000, { heldMib: 1_000, isCalm: true })).toBe(2);
  });

  test('leaves what came back from the last collection, and what is little, however calm', () => {
    const plan = new TidyPlan();
    look(plan, 100, { outsideMib: 200 });
    expect(look(plan, 100, { outsideMib: 130, isCalm: true })).toBe(0);
    expect(look(plan, 5, { outsideMib: 200, isCalm: true })).toBe(1);
    look(plan, 10, { outsideMib: 200 });
    expect(look(plan, 1_000, { outsideMib: 220, isCalm: true })).toBe(0);
  });

  test('looks for what grows in calm times, less and less often', () => {
    const plan = new TidyPlan();
    expect(look(plan, 110, { isCalm: true })).toBe(0);
    const first = look(plan, 1_000, { outsideMib: 200, isCalm: true });
    expect(first).toBe(1);
  });

  test('does not call a little that was let go worth a collection', () => {
    const plan = new TidyPlan();
    look(plan, 60, { outsideMib: 400 });
    look(plan, 30, { outsideMib: 400, heldMib: 250 });
    expect(look(plan, 1, { outsideMib: 400 })).toBe(0);
  });

  test('collects where much is outside, and has done when it is back', () => {
    const plan = new TidyPlan();
    expect(look(plan, 5, { outsideMib: 500 })).toBe(1);
    expect(look(plan, 1_000, {})).toBe(0);
    expect(look(plan, 5, { outsideMib: 500 })).toBe(1);
  });

  test('asks less and less often about what is in use, and at once when it grows', () => {
    const plan = new TidyPlan();
    const first = look(plan, 1_000, { outsideMib: 400 });
    const later = look(plan, 10_000, { outsideMib: 400 });
    expect(first / 1_000).toBeLessThan(0.02);
    expect(later / 10_000).toBeLessThan(first / 1_000 / 3);
    expect(look(plan, 25, { outsideMib: 700 })).toBe(1);
  });

  test('asks soon after something large was let go, however much was outside then', () => {
    const plan = new TidyPlan();
    expect(look(plan, 60, { outsideMib: 400, heldMib: 1_000 })).toBe(0);
    expect(look(plan, 1, { outsideMib: 400, heldMib: 0 })).toBe(1);
  });

  test('does not disturb who holds much, unless memory is short', () => {
    const busy = { outsideMib: 400, heldMib: 1_000 };
    expect(look(new TidyPlan(), 1_000, busy)).toBe(0);
    expect(look(new TidyPlan(), 5, { ...busy, isShort: true })).toBe(1);
  });
});
