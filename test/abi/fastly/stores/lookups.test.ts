import { describe, expect, test } from 'vitest';
import { AddressList } from '../../../../src/capability/acls/acl.ts';
import { Places } from '../../../../src/capability/geo/places.ts';
import { World } from '../../../support/abi-world.ts';
import { createFastlyPuppet, END, type FastlyPuppet } from '../../../support/fastly-puppet.ts';
import { utf8 } from './kv-guest.ts';

const OUT = 40_000;

function storeOf(entries: Readonly<Record<string, string>>) {
  const map = new Map(Object.entries(entries));
  return { get: (key: string) => map.get(key), keys: [...map.keys()] };
}

async function openPuppet(prepare: (world: World) => void): Promise<FastlyPuppet> {
  const world = new World();
  prepare(world);
  return createFastlyPuppet({ world });
}

describe.each(['fastly_config_store', 'fastly_dictionary'])('%s', (module) => {
  const open = () =>
    openPuppet((world) =>
      world.config.stores.set('settings', storeOf({ greeting: 'moin ü', empty: '' })),
    );

  test('gives the values of a store by its name', async () => {
    const puppet = await open();
    const store = await puppet.number(`${module}.open`, 'settings');
    expect(await puppet.number(`${module}.open`, 'settings')).toBe(store);
    const given = await puppet.value(`${module}.get`, store, 'greeting');
    expect([given.status, given.written, utf8(given.text)]).toEqual([0, 7, 'moin ü']);
    expect(await puppet.value(`${module}.get`, store, 'empty')).toMatchObject({ written: 0 });
    expect((await puppet.value(`${module}.get`, store, 'other')).status).toBe(10);
    expect((await puppet.value(`${module}.get`, store, 'k'.repeat(300))).status).toBe(10);
  });

  test('tells how long a value is for which the room is one byte short', async () => {
    const puppet = await open();
    const store = await puppet.number(`${module}.open`, 'settings');
    const short = await puppet.valueIn(6, `${module}.get`, store, 'greeting');
    expect([short.status, short.written]).toEqual([4, 7]);
    expect((await puppet.valueIn(7, `${module}.get`, store, 'greeting')).status).toBe(0);
  });

  test('answers what is wrong', async () => {
    const puppet = await open();
    expect(await puppet.call(`${module}.open`, 'other', OUT)).toBe(3);
    expect(await puppet.call(`${module}.open`, 'settings', END - 3)).toBe(2);
    expect(await puppet.call(`${module}.open`, END - 1, 2, OUT)).toBe(2);
    puppet.bytes.set([0xff, 0xfe], 900);
    expect(await puppet.call(`${module}.open`, 900, 2, OUT)).toBe(2);
    const store = await puppet.number(`${module}.open`, 'settings');
    expect(await puppet.call(`${module}.get`, store + 1, 'a', OUT, 8, OUT)).toBe(3);
    expect(await puppet.call(`${module}.get`, store, 'greeting', END - 1, 8, OUT)).toBe(2);
    expect(await puppet.call(`${module}.get`, store, END, 8, OUT, 8, OUT)).toBe(2);
  });

  test('forgets its handles with the run', async () => {
    const puppet = await open();
    const store = await puppet.number(`${module}.open`, 'settings');
    puppet.end();
    puppet.begin();
    expect(await puppet.call(`${module}.get`, store, 'greeting', OUT, 8, OUT)).toBe(3);
  });
});

describe('fastly_secret_store', () => {
  const module = 'fastly_secret_store';
  const open = () =>
    openPuppet((world) =>
      world.secrets.stores.set('vault', {
        get: (key) => (key === 'key' ? Uint8Array.of(0, 255, 65) : undefined),
      }),
    );

  test('gives secrets by name, and those of the guest’s own bytes', async () => {
    const puppet = await open();
    const store = await puppet.number(`${module}.open`, 'vault');
    const secret = await puppet.number(`${module}.get`, store, 'key');
    expect(await puppet.call(`${module}.plaintext`, secret, OUT, 3, OUT + 8)).toBe(0);
    expect([...puppet.bytes.subarray(OUT, OUT + 4)]).toEqual([0, 255, 65, 0xaa]);
    expect(puppet.u32(OUT + 8)).toBe(3);
    expect(await puppet.call(`${module}.plaintext`, secret, OUT, 2, OUT + 8)).toBe(4);
    expect(puppet.u32(OUT + 8)).toBe(3);
    const own = await puppet.number(`${module}.from_bytes`, 'mine');
    expect((await puppet.value(`${module}.plaintext`, own)).text).toBe('mine');
    expect(puppet.world.logLines.join()).not.toContain('mine');
  });

  test('answers what is not there, and what is wrong', async () => {
    const puppet = await open();
    expect(await puppet.call(`${module}.open`, 'other', OUT)).toBe(10);
    const store = await puppet.number(`${module}.open`, 'vault');
    expect(await puppet.call(`${module}.get`, store, 'other', OUT)).toBe(10);
    expect(await puppet.call(`${module}.get`, 99, 'key', OUT)).toBe(3);
    expect(await puppet.call(`${module}.get`, store, 'key', END - 3)).toBe(2);
    expect(await puppet.call(`${module}.plaintext`, 99, OUT, 3, OUT)).toBe(3);
    expect(await puppet.call(`${module}.from_bytes`, END - 1, 2, OUT)).toBe(2);
    expect(await puppet.call(`${module}.from_bytes`, 0, 65_537, OUT)).toBe(2);
  });

  test('holds no more than a run may', async () => {
    const world = new World();
    const puppet = await createFastlyPuppet({ world, limits: { fastlyHandlesPerRunMax: 3 } });
    const make = () => puppet.call(`${module}.from_bytes`, 'x', OUT);
    expect([await make(), await make(), await make(), await make()]).toEqual([0, 0, 0, 13]);
    const small = await createFastlyPuppet({ limits: { memoryBytesMax: 65_536 } });
    const large = () => small.call(`${module}.from_bytes`, 0, 40_000, OUT);
    expect([await large(), await large()]).toEqual([0, 13]);
  });
});

describe('fastly_acl', () => {
  const module = 'fastly_acl';
  const open = () =>
    openPuppet((world) =>
      world.acls.stores.set(
        'office',
        new AddressList({
          entries: [
            { prefix: '192.0.2.0/24', action: 'deny' },
            { prefix: '192.0.2.7/32', action: 'allow' },
            { prefix: '2001:db8::/32', action: 'deny' },
          ],
        }),
      ),
    );
  const lookup = async (puppet: FastlyPuppet, acl: number, address: readonly number[]) => {
    puppet.bytes.set(address, 500);
    const status = await puppet.call(`${module}.lookup`, acl, 500, address.length, OUT, OUT + 4);
    const error = puppet.u32(OUT + 4);
    const body = status === 0 && error === 1 ? await puppet.read(puppet.u32(OUT)) : '';
    return { status, error, body };
  };

  test('gives the best match as JSON', async () => {
    const puppet = await open();
    const acl = await puppet.number(`${module}.open`, 'office');
    expect(await lookup(puppet, acl, [192, 0, 2, 1])).toEqual({
      status: 0,
      error: 1,
      body: '{"prefix":"192.0.2.0/24","action":"BLOCK"}',
    });
    expect((await lookup(puppet, acl, [192, 0, 2, 7])).body).toContain('ALLOW');
    const six = [0x20, 0x01, 0x0d, 0xb8, ...Array.from({ length: 12 }, () => 1)];
    expect((await lookup(puppet, acl, six)).body).toContain('"2001:db8::/32"');
    expect(await lookup(puppet, acl, [198, 51, 100, 1])).toMatchObject({ status: 0, error: 2 });
  });

  test('answers what is wrong', async () => {
    const puppet = await open();
    expect(await puppet.call(`${module}.open`, 'other', OUT)).toBe(10);
    const acl = await puppet.number(`${module}.open`, 'office');
    expect((await lookup(puppet, acl, [1, 2, 3])).status).toBe(2);
    expect((await lookup(puppet, acl, [])).status).toBe(2);
    expect((await lookup(puppet, acl + 1, [192, 0, 2, 1])).status).toBe(3);
    expect(await puppet.call(`${module}.lookup`, acl, END - 3, 4, OUT, OUT + 4)).toBe(2);
    expect(await puppet.call(`${module}.lookup`, acl, 500, 4, END - 3, OUT + 4)).toBe(2);
    expect(await puppet.call(`${module}.lookup`, acl, 500, 4, OUT, END - 3)).toBe(2);
  });
});

describe('fastly_geo and fastly_device_detection', () => {
  const open = () =>
    openPuppet((world) =>
      Object.assign(world, {
        geo: new Places({ addresses: new Map([['192.0.2.1/32', '{"city":"Köln"}']]) }),
        devices: { lookup: (agent: string) => (agent === 'UA/1' ? '{"device":{}}' : undefined) },
      }),
    );

  test('tell what the folder says, and nothing else', async () => {
    const puppet = await open();
    puppet.bytes.set([192, 0, 2, 1, 198, 51, 100, 1], 500);
    const place = await puppet.value('fastly_geo.lookup', 500, 4);
    expect([place.status, utf8(place.text)]).toEqual([0, '{"city":"Köln"}']);
    expect((await puppet.value('fastly_geo.lookup', 504, 4)).status).toBe(10);
    expect((await puppet.value('fastly_geo.lookup', 500, 5)).status).toBe(2);
    expect((await puppet.value('fastly_geo.lookup', END - 3, 4)).status).toBe(2);
    expect(await puppet.valueIn(15, 'fastly_geo.lookup', 500, 4)).toMatchObject({
      status: 4,
      written: 16,
    });
    const device = await puppet.value('fastly_device_detection.lookup', 'UA/1');
    expect([device.status, device.text]).toEqual([0, '{"device":{}}']);
    expect((await puppet.value('fastly_device_detection.lookup', 'UA/2')).status).toBe(10);
    expect((await puppet.value('fastly_device_detection.lookup', END, 1)).status).toBe(2);
  });
});
