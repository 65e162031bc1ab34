import { describe, expect, test } from 'vitest';
import type { Steps } from '../../../src/abi/steps.ts';
import { CardMarks, CardTable } from '../../../src/engine/restore/card-table.ts';
import { MemoryImage } from '../../../src/engine/restore/memory-image.ts';

const card = 4096;
const cards = 40;

function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Zeros, but for what stands in some cards. */
function viewWith(used: readonly number[], count = cards): Buffer {
  const view = Buffer.alloc(count * card);
  for (const each of used) view.writeUInt32LE(0xdecade + each, each * card + 100);
  return view;
}

const imageOf = (view: Buffer): MemoryImage => finish(MemoryImage.of(view));

describe('MemoryImage', () => {
  test('keeps nothing of the zeros before', () => {
    const image = imageOf(viewWith([17, 20, 39]));
    expect([image.start, image.length, image.bytes.length]).toEqual([
      17 * card,
      40 * card,
      23 * card,
    ]);
    expect([imageOf(viewWith([0])).start, imageOf(Buffer.alloc(0)).length]).toEqual([0, 0]);
  });

  test('keeps the last card also where all is zero: what is mapped must be there', () => {
    const image = imageOf(viewWith([], 16));
    expect([image.start, image.length, image.bytes.length]).toEqual([15 * card, 16 * card, card]);
  });

  test.each([[[17, 20, 30]], [[0, 39]], [[39]], [[]]])(
    'copyTo() puts any stretch back, and touches nothing beside it: cards %j',
    (used) => {
      const first = viewWith(used);
      const image = imageOf(first);
      const target = new Uint8Array(48 * card);
      // A fixed draw (a linear congruence), so that a failure can be repeated.
      let seed = 11;
      const draw = (most: number): number => {
        seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
        return Math.floor((seed / 2 ** 31) * most);
      };
      for (let round = 0; round < 200; round += 1) {
        const from = draw(target.length);
        const to = from + draw(target.length - from);
        target.fill(0xff);
        image.copyTo(target, from, to);
        const expected = Buffer.alloc(target.length, 0xff);
        for (let at = from; at < to; at += 1) expected[at] = first[at] ?? 0;
        expect(expected.compare(target)).toBe(0);
      }
    },
  );

  test('isSame() tells every difference, also among the zeros before', () => {
    const image = imageOf(viewWith([17, 20]));
    const same = (view: Buffer): boolean => finish(image.isSame(view));
    expect(same(viewWith([17, 20]))).toBe(true);
    for (const used of [[3, 17, 20], [17], [17, 20, 21], [20], []]) {
      expect(same(viewWith(used))).toBe(false);
    }
    expect(same(viewWith([17, 20], 41))).toBe(false);
  });

  test('touch() names the pages that are not zero', () => {
    const memory = new WebAssembly.Memory({ initial: 4, maximum: 4 });
    const marks = new CardMarks(
      new CardTable(new WebAssembly.Memory({ initial: 1, maximum: 1 })),
      memory,
    );
    imageOf(viewWith([17, 20, 39])).touch(marks);
    expect(marks.touchedCount).toBe(3);
  });
});
