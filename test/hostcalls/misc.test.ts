import { describe, expect, test } from 'vitest';
import { changesSince, createPuppet, put } from '../support/abi-puppet.ts';

describe.each([
  ['debug', 'info '],
  ['panic_hook', 'error panic: '],
])('%s', (name, prefix) => {
  test('writes the message to the log and nothing to memory', async () => {
    const puppet = await createPuppet();
    const message = put(puppet, 0x100, 'a message');
    const before = Buffer.from(puppet.bytes);
    await puppet.call(name, ...message);
    expect(puppet.world.logLines).toEqual([`${prefix}a message`]);
    expect(changesSince(before, puppet)).toEqual({});
  });

  test('takes -1 for a message that ends at its NUL', async () => {
    const puppet = await createPuppet();
    put(puppet, 0x100, 'to the NUL\0and on');
    await puppet.call(name, 0x100, -1);
    expect(puppet.world.logLines).toEqual([`${prefix}to the NUL`]);
  });

  test('cuts the message at what the log may hold', async () => {
    const puppet = await createPuppet({ limits: { logBytesPerRunMax: 5 } });
    put(puppet, 0x100, 'a long message');
    await puppet.call(name, 0x100, 14);
    await puppet.call(name, 0x100, -1);
    await puppet.call(name, 0x100, 5);
    expect(puppet.world.logLines).toEqual(Array(3).fill(`${prefix}a lon`));
  });

  test('takes what is not UTF-8', async () => {
    const puppet = await createPuppet();
    await puppet.call(name, ...put(puppet, 0x100, 'a\u00ffb'));
    expect(puppet.world.logLines).toEqual([`${prefix}a\ufffdb`]);
  });
});

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
