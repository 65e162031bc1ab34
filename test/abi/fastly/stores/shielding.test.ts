import { describe, expect, test } from 'vitest';
import type { Backend } from '../../../../src/capability/fetch/contract.ts';
import type { ShieldingSite } from '../../../../src/capability/vendor/contract.ts';
import { World } from '../../../support/abi-world.ts';
import { createFastlyPuppet, END, type FastlyPuppet } from '../../../support/fastly-puppet.ts';

const module = 'fastly_shielding';
const OUT = 40_000;
const there = { encrypted: 'https://there.example', unencrypted: 'http://there.example:81' };

async function open(): Promise<{ puppet: FastlyPuppet; added: Map<string, Backend> }> {
  const added = new Map<string, Backend>();
  const world = new World();
  const sites = new Map<string, ShieldingSite>([
    ['here', 'local'],
    ['there', there],
  ]);
  Object.assign(world, {
    vendor: { shieldingSite: (name: string) => sites.get(name), isValidKey: () => false },
    fetch: Object.assign(world.fetch, {
      backends: {
        find: (name: string) => added.get(name),
        add: (name: string, backend: Backend) => added.set(name, backend),
      },
    }),
  });
  return { puppet: await createFastlyPuppet({ world }), added };
}

describe('fastly_shielding', () => {
  test('tells what the folder says of a site', async () => {
    const { puppet } = await open();
    expect(await puppet.value(`${module}.shield_info`, 'here')).toMatchObject({
      status: 0,
      text: '\x01\0\0',
    });
    const info = await puppet.value(`${module}.shield_info`, 'there');
    expect(info.text).toBe('\0http://there.example:81\0https://there.example\0');
    expect((await puppet.value(`${module}.shield_info`, 'nowhere')).status).toBe(2);
    const { status } = await puppet.valueIn(info.written - 1, `${module}.shield_info`, 'there');
    expect(status).toBe(4);
    expect(await puppet.call(`${module}.shield_info`, 'here', OUT, 8, END - 3)).toBe(2);
  });

  test('adds a back-end for it, once', async () => {
    const { puppet, added } = await open();
    puppet.bytes.writeUInt32LE(700, 2_056);
    const call = () => puppet.value(`${module}.backend_for_shield`, there.unencrypted, 4, 2_048);
    const { text } = await call();
    expect(added.get(text)).toEqual({
      address: { isTls: false, host: 'there.example', port: 81 },
      firstByteTimeoutMs: 700,
    });
    expect((await call()).text).toBe(text);
    expect(added.size).toBe(1);
    const answer = async (url: string, mask: number, cfg = 2_048) =>
      (await puppet.value(`${module}.backend_for_shield`, url, mask, cfg)).status;
    expect(await answer('there', 0)).toBe(2);
    expect(await answer(there.encrypted, 1)).toBe(2);
    expect(await answer(there.encrypted, 8, END - 15)).toBe(2);
    expect(await answer(there.encrypted, 0, END)).toBe(0);
  });
});
