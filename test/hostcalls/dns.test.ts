import { describe, expect, test } from 'vitest';
import { changesSince, createPuppet, put, readGivenList } from '../support/abi-puppet.ts';

const OUT = 0x40;
const FAILED = { '0x0040': '00 00 00 00 00 00 00 00' };

describe('dns_query_ip', () => {
  test('gives IPv4 addresses as slices of 4 bytes', async () => {
    const puppet = await createPuppet();
    const addresses = [Uint8Array.of(192, 0, 2, 1), Uint8Array.of(192, 0, 2, 2)];
    puppet.world.resolve.names.set('4 a.test', addresses);
    const name = put(puppet, 0x100, 'a.test');
    const before = Buffer.from(puppet.bytes);
    expect(await puppet.call('dns_query_ip', OUT, OUT + 4, ...name, 0)).toBe(0);
    expect(changesSince(before, puppet)).toEqual({
      '0x0040': '10 10 00 00 02 00 00 00',
      '0x1000': 'c0 00 02 01 00',
      '0x1008': 'c0 00 02 02 00',
      '0x1010': '00 10 00 00 04 00 00 00 08 10 00 00 04 00 00 00',
    });
  });

  test('gives IPv6 addresses as slices of 16 bytes, for any true value', async () => {
    const puppet = await createPuppet();
    const address = Uint8Array.from({ length: 16 }, (_, index) => index);
    puppet.world.resolve.names.set('6 a.test', [address]);
    for (const isIpv6 of [1, -1]) {
      const name = put(puppet, 0x100, 'a.test');
      await puppet.call('dns_query_ip', OUT, OUT + 4, ...name, isIpv6);
      expect(readGivenList(puppet, OUT)).toEqual([Buffer.from(address).toString('latin1')]);
    }
  });

  test('gives no address of a length that would trap the guest', async () => {
    const puppet = await createPuppet();
    const addresses = [new Uint8Array(16), Uint8Array.of(1, 2, 3, 4), new Uint8Array(0)];
    puppet.world.resolve.names.set('4 a.test', addresses);
    await puppet.call('dns_query_ip', OUT, OUT + 4, ...put(puppet, 0x100, 'a.test'), 0);
    expect(readGivenList(puppet, OUT)).toEqual(['\u0001\u0002\u0003\u0004']);
  });

  test('gives 256 addresses and not one more', async () => {
    const puppet = await createPuppet();
    const addresses = Array.from({ length: 257 }, () => Uint8Array.of(192, 0, 2, 1));
    puppet.world.resolve.names.set('4 a.test', addresses);
    await puppet.call('dns_query_ip', OUT, OUT + 4, ...put(puppet, 0x100, 'a.test'), 0);
    expect(readGivenList(puppet, OUT)).toHaveLength(256);
  });

  test.each([
    ['that cannot be resolved', 6],
    ['longer than names are', 257],
  ])('of a name %s is address 0 and a line in the log', async (_why, nameLen) => {
    const puppet = await createPuppet();
    puppet.bytes.fill(0x61, 0x100, 0x300);
    const before = Buffer.from(puppet.bytes);
    expect(await puppet.call('dns_query_ip', OUT, OUT + 4, 0x100, nameLen, 0)).toBe(1);
    expect(changesSince(before, puppet)).toEqual(FAILED);
    expect(puppet.world.logLines).toHaveLength(1);
  });
});

test.each(['', 'a b', 'a\0b', 'a\nb', '\u00fc.test', '192.0.2.1/8', '[::1]'])(
  'dns_query_ip does not ask for %j',
  async (name) => {
    const puppet = await createPuppet();
    puppet.world.resolve.names.set(`4 ${name}`, [Uint8Array.of(192, 0, 2, 1)]);
    const part = put(puppet, 0x100, name);
    expect(await puppet.call('dns_query_ip', OUT, OUT + 4, ...part, 0)).toBe(1);
    expect(puppet.bytes.readUInt32LE(OUT)).toBe(0);
    expect(puppet.world.logLines).toHaveLength(1);
  },
);

describe('dns_query_raw', () => {
  test('gives the answering message', async () => {
    const puppet = await createPuppet();
    puppet.world.resolve.message = Uint8Array.of(0, 0xff);
    const query = put(puppet, 0x100, 'query');
    const before = Buffer.from(puppet.bytes);
    expect(await puppet.call('dns_query_raw', OUT, OUT + 4, ...query)).toBe(0);
    expect(changesSince(before, puppet)).toEqual({
      '0x0040': '00 10 00 00 07 00 00 00',
      '0x1000': '71 75 65 72 79 00 ff 00',
    });
  });

  test('that fails is address 0 and a line in the log', async () => {
    const puppet = await createPuppet();
    const before = Buffer.from(puppet.bytes);
    expect(await puppet.call('dns_query_raw', OUT, OUT + 4, 0x100, 5)).toBe(1);
    expect(changesSince(before, puppet)).toEqual(FAILED);
    expect(puppet.world.logLines).toEqual(['warn Cannot resolve']);
  });

  test('takes a query of 65,535 bytes and not one more', async () => {
    const puppet = await createPuppet();
    puppet.world.resolve.message = new Uint8Array(0);
    expect(await puppet.call('dns_query_raw', OUT, OUT + 4, 0, 65_536)).toBe(1);
    expect(puppet.world.logLines[0]).toMatch(/at most 65535.*65536 bytes/);
    // Past the limit of a query the puppet's one page has no room: the answer cannot be placed.
    await expect(puppet.call('dns_query_raw', OUT, OUT + 4, 0, 65_535)).rejects.toThrow(
      /malloc must answer an address with 65536 bytes/,
    );
  });

  test.each([
    [65_535, 0, '00000100ffff0000'],
    [65_536, 1, '0000000000000000'],
  ])('of an answer of %i bytes is %i', async (bytes, status, outWords) => {
    const puppet = await createPuppet({ malloc: 'growing' });
    puppet.world.resolve.message = new Uint8Array(bytes - 1);
    expect(await puppet.call('dns_query_raw', OUT, OUT + 4, 0x100, 1)).toBe(status);
    expect(puppet.bytes.toString('hex', OUT, OUT + 8)).toBe(outWords);
  });
});
