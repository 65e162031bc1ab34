import { describe, expect, test } from 'vitest';
import { RandomPool } from '../../../src/capability/random/pool.ts';

describe('random bytes', () => {
  test('small requests never repeat, over many refills of the pool', () => {
    const random = new RandomPool();
    const seen = new Set<string>();
    for (let count = 0; count < 5_000; count += 1) {
      const target = new Uint8Array(16);
      random.fill(target);
      seen.add(Buffer.from(target).toString('hex'));
    }
    expect(seen.size).toBe(5_000);
  });

  test.each([0, 1, 8, 255, 256, 257, 65_536, 65_537, 200_000])(
    '%i bytes are filled whole',
    (size) => {
      const random = new RandomPool();
      const filled = new Uint8Array(size);
      for (let count = 0; count < 8; count += 1) {
        const target = new Uint8Array(size);
        random.fill(target);
        for (const [at, byte] of target.entries()) filled[at] = (filled[at] ?? 0) | byte;
      }
      // A byte stays zero over eight rounds by chance only once in 2^64.
      expect(filled.includes(0)).toBe(false);
    },
  );

  test('only the target is written, also when it is a view', () => {
    const memory = new Uint8Array(1_000);
    new RandomPool().fill(memory.subarray(100, 500));
    expect(memory.subarray(0, 100).some((byte) => byte !== 0)).toBe(false);
    expect(memory.subarray(500).some((byte) => byte !== 0)).toBe(false);
  });

  test('bytes that were given out are wiped from the pool', () => {
    const pool = new Uint8Array(4_096);
    const random = new RandomPool(pool);
    const target = new Uint8Array(64);
    random.fill(target);
    expect(pool.subarray(0, 64).every((byte) => byte === 0)).toBe(true);
    expect(pool.subarray(64).some((byte) => byte !== 0)).toBe(true);
  });
});
