import { describe, expect, test } from 'vitest';
import { createPuppet } from '../support/abi-puppet.ts';

describe('rng_next_u64', () => {
  test('gives all 64 bits', async () => {
    const puppet = await createPuppet();
    puppet.world.randomBytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 0xff);
    const value = (await puppet.call('rng_next_u64')) as bigint;
    expect(BigInt.asUintN(64, value)).toBe(0xff07_0605_0403_0201n);
  });

  test('gives another number each time', async () => {
    const puppet = await createPuppet();
    const values = new Set();
    for (let count = 0; count < 100; count += 1) values.add(await puppet.call('rng_next_u64'));
    expect(values.size).toBe(100);
  });
});
