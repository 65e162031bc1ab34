import { describe, expect, test } from 'vitest';
import { CapabilityRefusal } from '../../src/capability/refusal.ts';
import type { AbiHost } from '../support/abi-host.ts';
import { changesSince, createPuppet, put } from '../support/abi-puppet.ts';

const OUT = 0x40;
const KEY = 0x100;
const VALUE = 0x800;

async function store(puppet: AbiHost, how: string, [key, value]: readonly [string, string]) {
  const keyPart = put(puppet, KEY, key);
  return puppet.call(`kvstore_${how}`, ...keyPart, ...put(puppet, VALUE, value));
}

function stored(puppet: AbiHost, key: string): string | undefined {
  const value = puppet.world.keyValue.entries.get(key);
  return value === undefined ? undefined : Buffer.from(value).toString('latin1');
}

describe('writing', () => {
  test.each([
    ['insert', 'new'],
    ['upsert', 'old'],
    ['append', 'oldnew'],
  ])('%s answers 1 for an absent key, then 0 and leaves %s', async (how, left) => {
    const puppet = await createPuppet();
    expect(await store(puppet, how, ['k', 'old'])).toBe(1);
    expect(await store(puppet, how, ['k', 'new'])).toBe(0);
    expect(stored(puppet, 'k')).toBe(left);
  });

  test.each(['insert', 'upsert', 'append'])('%s takes empty and binary keys', async (how) => {
    const puppet = await createPuppet();
    expect(await store(puppet, how, ['', ''])).toBe(1);
    expect(await store(puppet, how, ['\0\u00ff', '\u00fe\0'])).toBe(1);
    expect(stored(puppet, '')).toBe('');
    expect(stored(puppet, '\0\u00ff')).toBe('\u00fe\0');
  });

  test.each(['insert', 'upsert', 'append'])(
    '%s at the limits stores; one byte more traps and stores nothing',
    async (how) => {
      const limits = { kvKeyBytesMax: 4, kvValueBytesMax: 8 };
      const puppet = await createPuppet({ limits });
      expect(await store(puppet, how, ['1234', '12345678'])).toBe(1);
      await expect(store(puppet, how, ['12345', 'x'])).rejects.toThrow(
        'Cannot store: a key of at most 4 bytes: received 5',
      );
      puppet.begin();
      await expect(store(puppet, how, ['k', '123456789'])).rejects.toThrow(
        'Cannot store: a value of at most 8 bytes: received 9',
      );
      expect([...puppet.world.keyValue.entries.keys()]).toEqual(['1234']);
    },
  );
});

describe('kvstore_get', () => {
  test('gives the value and 1', async () => {
    const puppet = await createPuppet();
    await store(puppet, 'insert', ['k', 'value']);
    const before = Buffer.from(puppet.bytes);
    expect(await puppet.call('kvstore_get', OUT, OUT + 4, KEY, 1)).toBe(1);
    expect(changesSince(before, puppet)).toEqual({
      '0x0040': '00 10 00 00 05 00 00 00',
      '0x1000': '76 61 6c 75 65 00',
    });
  });

  test('gives an empty value an address', async () => {
    const puppet = await createPuppet();
    await store(puppet, 'insert', ['k', '']);
    const before = Buffer.from(puppet.bytes);
    expect(await puppet.call('kvstore_get', OUT, OUT + 4, KEY, 1)).toBe(1);
    expect(changesSince(before, puppet)).toEqual({
      '0x0040': '00 10 00 00 00 00 00 00',
      '0x1000': '00',
    });
  });

  test.each([
    ['absent', 1],
    ['too long to have been stored', 5],
  ])('of a key that is %s is 0 with address 0', async (_why, keyLen) => {
    const puppet = await createPuppet({ limits: { kvKeyBytesMax: 4 } });
    const before = Buffer.from(puppet.bytes);
    expect(await puppet.call('kvstore_get', OUT, OUT + 4, KEY, keyLen)).toBe(0);
    expect(changesSince(before, puppet)).toEqual({ '0x0040': '00 00 00 00 00 00 00 00' });
  });
});

test('kvstore_remove answers whether the key existed', async () => {
  const puppet = await createPuppet({ limits: { kvKeyBytesMax: 4 } });
  await store(puppet, 'insert', ['k', 'value']);
  expect(await puppet.call('kvstore_remove', KEY, 1)).toBe(1);
  expect(await puppet.call('kvstore_remove', KEY, 1)).toBe(0);
  expect(await puppet.call('kvstore_remove', KEY, 5)).toBe(0);
  expect(puppet.world.keyValue.entries.size).toBe(0);
});

test.each([
  ['kvstore_insert', [KEY, 1, VALUE, 1]],
  ['kvstore_upsert', [KEY, 1, VALUE, 1]],
  ['kvstore_append', [KEY, 1, VALUE, 1]],
  ['kvstore_get', [OUT, OUT + 4, KEY, 1]],
  ['kvstore_remove', [KEY, 1]],
] as const)('%s traps with the reason when the store fails', async (name, args) => {
  const puppet = await createPuppet();
  puppet.world.keyValue.failure = 'Cannot use the store: it is full';
  await expect(puppet.call(name, ...args)).rejects.toThrow('Cannot use the store: it is full');
});

describe('a store that the module is not granted', () => {
  const forbid = (puppet: AbiHost): void => {
    const refuse = () => Promise.reject(new CapabilityRefusal('forbidden', 'Cannot use the store'));
    Object.assign(puppet.world.keyValue, { get: refuse, remove: refuse, insert: refuse });
  };

  test('has no keys; the log says why', async () => {
    const puppet = await createPuppet();
    forbid(puppet);
    const key = put(puppet, KEY, 'k');
    expect(await puppet.call('kvstore_get', OUT, OUT + 4, ...key)).toBe(0);
    expect(puppet.bytes.readBigUInt64LE(OUT)).toBe(0n);
    expect(await puppet.call('kvstore_remove', ...key)).toBe(0);
    expect(puppet.world.logLines).toEqual(Array(2).fill('warn Cannot use the store'));
  });

  test('traps who writes', async () => {
    const puppet = await createPuppet();
    forbid(puppet);
    await expect(store(puppet, 'insert', ['k', 'v'])).rejects.toThrow('Cannot use the store');
  });

  test('is another thing than a store that fails', async () => {
    const puppet = await createPuppet();
    const refusal = new CapabilityRefusal('unavailable', 'Cannot get: the store is gone');
    Object.assign(puppet.world.keyValue, { get: () => Promise.reject(refusal) });
    const key = put(puppet, KEY, 'k');
    await expect(puppet.call('kvstore_get', OUT, OUT + 4, ...key)).rejects.toThrow('is gone');
  });
});
