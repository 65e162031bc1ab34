import { expect, test } from 'vitest';
import { mayHold } from '../../src/account/threshold.ts';

/** Who takes one after the other until nobody may: what each has then. */
function share(max: number, owners: number): readonly number[] {
  const own = Array.from({ length: owners }, () => 0);
  for (let taken = true; taken; ) {
    taken = false;
    for (const [index, mine] of own.entries()) {
      const held = own.reduce((sum, one) => sum + one, 0);
      if (!mayHold({ max, held, own: mine, added: 1 })) continue;
      own[index] = mine + 1;
      taken = true;
    }
  }
  return own;
}

test('mayHold() gives one owner half, two a third each, and leaves something for the next', () => {
  expect(share(1_000, 1)).toEqual([501]);
  expect(share(1_000, 2).map((each) => Math.round(each / 10))).toEqual([33, 33]);
  expect(mayHold({ max: 1_000, held: 667, own: 0, added: 1 })).toBe(true);
});

test('mayHold() leaves half of the rest to each that comes after others have taken theirs', () => {
  let held = 0;
  const taken = Array.from({ length: 4 }, () => {
    let own = 0;
    while (mayHold({ max: 1_024, held: held + own, own, added: 1 })) own += 1;
    held += own;
    return own;
  });
  expect(taken).toEqual([513, 256, 128, 64]);
});

test('mayHold() gives nobody what there is not', () => {
  expect(mayHold({ max: 1_000, held: 400, own: 0, added: 601 })).toBe(false);
  expect(mayHold({ max: 1_000, held: 400, own: 0, added: 600 })).toBe(true);
  expect(mayHold({ max: 1_000, held: 1_000, own: 0, added: 0 })).toBe(true);
});
