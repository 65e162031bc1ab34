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
