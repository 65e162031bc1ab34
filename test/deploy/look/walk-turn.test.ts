import { describe, expect, test } from 'vitest';
import { Gate } from '../../../src/account/gate.ts';
import { WalkTurn } from '../../../src/deploy/look/walk-turn.ts';
import type { OwnerKey } from '../../../src/names.ts';

const ALICE = '/keybase/private/alice' as OwnerKey;
const MALLORY = '/keybase/private/mallory' as OwnerKey;

describe('WalkTurn', () => {
  test('of a small folder waits for no long one, and long ones wait for each other', async () => {
    const [short, long] = [1, 1].map((passesMax) => new Gate({ passesMax, passesPerOwnerMax: 1 }));
    if (short === undefined || long === undefined) throw new TypeError('two gates were made');
    let taken = 0;
    const take = async (entries: number) => {
      taken += entries;
    };
    const gatesOf = (owner: OwnerKey) => ({
      short: short.forOwner(owner),
      long: long.forOwner(owner),
      pace: { take },
    });
    const first = await WalkTurn.begin(gatesOf(MALLORY));
    await first.take(2_001);
    const second = await WalkTurn.begin(gatesOf(ALICE));
    let isSecondLong = false;
    const becomesLong = second.take(2_001).then(() => {
      isSecondLong = true;
    });
    {
      using third = await WalkTurn.begin(gatesOf(ALICE));
      await third.take(2_000);
    }
    expect(isSecondLong).toBe(false);
    first[Symbol.dispose]();
    await becomesLong;
    second[Symbol.dispose]();
    expect(taken).toBe(2_001 + 2_000 + 2_001);
    using _ = await WalkTurn.begin(gatesOf(MALLORY));
  });
});
