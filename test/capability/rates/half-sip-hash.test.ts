import { expect, test } from 'vitest';
import { HalfSipHash } from '../../../src/capability/rates/half-sip-hash.ts';

test('tells texts apart, also where they are the same when joined', () => {
  const hash = new HalfSipHash(1, 2);
  const seen = new Set<string>();
  const texts = [['a', 'bc'], ['ab', 'c'], ['abc'], ['abc', ''], ['', 'abc'], ['abc\0'], ['ä', '']];
  for (const text of texts) {
    const { low, high } = hash.of(...text);
    expect(hash.of(...text)).toEqual({ low, high });
    seen.add(`${low} ${high}`);
  }
  expect(seen.size).toBe(texts.length);
});

test('depends on each half of the key', () => {
  const results = [
    new HalfSipHash(1, 2).of('a'),
    new HalfSipHash(1, 3).of('a'),
    new HalfSipHash(0, 2).of('a'),
  ].map(({ low, high }) => `${low} ${high}`);
  expect(new Set(results).size).toBe(3);
});

test('spreads over all bits: half of them change with one of the text', () => {
  const hash = new HalfSipHash(0x1234_5678, 0x9abc_def0);
  let changed = 0;
  const pairs = 2_000;
  for (let n = 0; n < pairs; n += 1) {
    const [one, other] = [hash.of(`entry ${n}`), hash.of(`entry ${n}!`)];
    for (const difference of [one.low ^ other.low, one.high ^ other.high]) {
      for (let bit = 0; bit < 32; bit += 1) changed += (difference >>> bit) & 1;
    }
  }
  expect(changed / (pairs * 64)).toBeGreaterThan(0.49);
  expect(changed / (pairs * 64)).toBeLessThan(0.51);
});
