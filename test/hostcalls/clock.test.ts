import { describe, expect, test } from 'vitest';
import { changesSince, createPuppet } from '../support/abi-puppet.ts';

describe('time_now', () => {
  test('gives seconds, and nanoseconds through the pointer', async () => {
    const puppet = await createPuppet();
    puppet.world.nowNs = 1_700_000_000_123_456_789n;
    const before = Buffer.from(puppet.bytes);
    expect(await puppet.call('time_now', 0x40)).toBe(1_700_000_000n);
    // 123,456,789 is 0x075bcd15.
    expect(changesSince(before, puppet)).toEqual({ '0x0040': '15 cd 5b 07' });
  });

  test('writes nothing through the null pointer', async () => {
    const puppet = await createPuppet();
    const before = Buffer.from(puppet.bytes);
    expect(await puppet.call('time_now', 0)).toBe(1_700_000_000n);
    expect(changesSince(before, puppet)).toEqual({});
  });
});
