import { describe, expect, it } from 'vitest';
import { type MemoryNow, TidyPlan, type TidyStep } from '../../src/account/tidy-plan.ts';

const baseBytes = 100;

/** The steps of so many looks at the same memory. */
function look(plan: TidyPlan, looks: number, now: Partial<MemoryNow>): readonly TidyStep[] {
  const memory = { heldBytes: 0, outsideBytes: baseBytes, baseBytes, isShort: false, ...now };
  return Array.from({ length: looks }, () => plan.next(memory)).flat();
}

describe('TidyPlan', () => {
  it('leaves a program alone that has only what it needs', () => {
    expect(look(new TidyPlan(), 10_000, { outsideBytes: 109 })).toEqual([]);
  });

  it('collects and then trims where much is outside, and has done when it is back', () => {
    const plan = new TidyPlan();
    expect(look(plan, 5, { outsideBytes: 500 })).toEqual(['collect', 'trim']);
    expect(look(plan, 1_000, {})).toEqual([]);
    expect(look(plan, 5, { outsideBytes: 500 })).toEqual(['collect', 'trim']);
  });

  it('asks less and less often about what is in use, and at once when it grows', () => {
    const plan = new TidyPlan();
    const first = look(plan, 1_000, { outsideBytes: 400 });
    const later = look(plan, 10_000, { outsideBytes: 400 });
    expect(first.length / 1_000).toBeLessThan(0.02);
    expect(later.length / 10_000).toBeLessThan(first.length / 1_000 / 3);
    expect(look(plan, 25, { outsideBytes: 500 })).toEqual(['collect', 'trim']);
  });

  it('asks soon after something large was let go, however much was outside then', () => {
    const plan = new TidyPlan();
    expect(look(plan, 60, { outsideBytes: 400, heldBytes: 1_000 })).toEqual([]);
    expect(look(plan, 1, { outsideBytes: 400, heldBytes: 0 })).toEqual(['collect']);
  });

  it('does not disturb who holds much, unless memory is short', () => {
    const busy = { outsideBytes: 400, heldBytes: 1_000 };
    expect(look(new TidyPlan(), 1_000, busy)).toEqual([]);
    expect(look(new TidyPlan(), 5, { ...busy, isShort: true })).toEqual(['collect', 'trim']);
  });
});
