import { describe, expect, test } from 'vitest';
import { Patience } from '../../../src/deploy/build/progress.ts';

describe('Patience', () => {
  const open = () => {
    const world = { nowMs: 5_000, isRushed: false };
    const patience = new Patience({
      waitMs: 10_000,
      isRushed: () => world.isRushed,
      nowMs: () => world.nowMs,
    });
    return { world, patience };
  };

  test('is asked again after a fifth of the time, and ends with it', () => {
    const { world, patience } = open();
    expect(patience.leftMs).toBe(2_000);
    world.nowMs += 2_000;
    expect(patience.leftMs).toBe(8_000);
    world.nowMs += 8_001;
    expect(patience.leftMs).toBe(0);
  });

  test('in a rush is over after a fifth of the time, whenever the rush begins', () => {
    const { world, patience } = open();
    world.isRushed = true;
    expect(patience.leftMs).toBe(2_000);
    world.nowMs += 3_000;
    expect(patience.leftMs).toBe(0);
    world.isRushed = false;
    expect(patience.leftMs).toBe(7_000);
  });
});
