import { describe, expect, test } from 'vitest';
import { type MemoryNow, TidyPlan, type TidyStep } from '../../src/account/tidy-plan.ts';

const mib = 1024 * 1024;

interface Look {
  readonly heldMib?: number;
  readonly outsideMib?: number;
  readonly isShort?: boolean;
  readonly isCalm?: boolean;
}

/** The steps of so many looks at the same memory. */
function look(plan: TidyPlan, looks: number, now: Look): readonly TidyStep[] {
  const { heldMib = 0, outsideMib = 100, isShort = false, isCalm = false } = now;
  const memory: MemoryNow = {
    heldBytes: heldMib * mib,
    outsideBytes: outsideMib * mib,
    baseBytes: 100 * mib,
    isShort,
    isCalm,
  };
  return Array.from({ length: looks }, () => plan.next(memory)).flat();
}

describe('TidyPlan', () => {
  test('leaves a program alone that has only what it needs', () => {
    expect(look(new TidyPlan(), 10_000, { outsideMib: 109, isShort: true })).toEqual([]);
  });

  test('lets heaps grow as they do under ordinary load, unless memory is short', () => {
    expect(look(new TidyPlan(), 10_000, { outsideMib: 350, heldMib: 10 })).toEqual([]);
    expect(look(new TidyPlan(), 10_000, { outsideMib: 360 })).not.toEqual([]);
    expect(look(new TidyPlan(), 10_000, { outsideMib: 350, isShort: true })).not.toEqual([]);
  });

  test('collects after less when it is calm again, once for each time that it was not', () => {
    const plan = new TidyPlan();
    expect(look(plan, 1_000, { outsideMib: 200 })).toEqual([]);
    expect(look(plan, 5, { outsideMib: 200, isCalm: true })).toEqual(['collect', 'trim']);
    look(plan, 10, { outsideMib: 110, isCalm: true });
    expect(look(plan, 100, { outsideMib: 200, isCalm: true })).toEqual([]);
    look(plan, 1, { outsideMib: 200 });
    expect(look(plan, 5, { outsideMib: 200, isCalm: true })).toEqual(['collect', 'trim']);
  });

  test('leaves what came back from the last collection, and what is little, however calm', () => {
    const plan = new TidyPlan();
    look(plan, 100, { outsideMib: 200 });
    expect(look(plan, 100, { outsideMib: 130, isCalm: true })).toEqual([]);
    expect(look(plan, 5, { outsideMib: 200, isCalm: true })).toEqual(['collect', 'trim']);
    look(plan, 10, { outsideMib: 200 });
    expect(look(plan, 1_000, { outsideMib: 220, isCalm: true })).toEqual([]);
  });

  test('looks for what grows in calm times, less and less often', () => {
    const plan = new TidyPlan();
    expect(look(plan, 110, { isCalm: true })).toEqual([]);
    const first = look(plan, 1_000, { outsideMib: 200, isCalm: true });
    expect(first).toEqual(['collect', 'trim']);
  });

  test('does not call a little that was let go worth a collection', () => {
    const plan = new TidyPlan();
    look(plan, 60, { outsideMib: 400 });
    look(plan, 30, { outsideMib: 400, heldMib: 250 });
    expect(look(plan, 1, { outsideMib: 400 })).toEqual([]);
  });

  test('collects and then trims where much is outside, and has done when it is back', () => {
    const plan = new TidyPlan();
    expect(look(plan, 5, { outsideMib: 500 })).toEqual(['collect', 'trim']);
    expect(look(plan, 1_000, {})).toEqual([]);
    expect(look(plan, 5, { outsideMib: 500 })).toEqual(['collect', 'trim']);
  });

  test('asks less and less often about what is in use, and at once when it grows', () => {
    const plan = new TidyPlan();
    const first = look(plan, 1_000, { outsideMib: 400 });
    const later = look(plan, 10_000, { outsideMib: 400 });
    expect(first.length / 1_000).toBeLessThan(0.02);
    expect(later.length / 10_000).toBeLessThan(first.length / 1_000 / 3);
    expect(look(plan, 25, { outsideMib: 700 })).toEqual(['collect', 'trim']);
  });

  test('asks soon after something large was let go, however much was outside then', () => {
    const plan = new TidyPlan();
    expect(look(plan, 60, { outsideMib: 400, heldMib: 1_000 })).toEqual([]);
    expect(look(plan, 1, { outsideMib: 400, heldMib: 0 })).toEqual(['collect']);
  });

  test('does not disturb who holds much, unless memory is short', () => {
    const busy = { outsideMib: 400, heldMib: 1_000 };
    expect(look(new TidyPlan(), 1_000, busy)).toEqual([]);
    expect(look(new TidyPlan(), 5, { ...busy, isShort: true })).toEqual(['collect', 'trim']);
  });
});
