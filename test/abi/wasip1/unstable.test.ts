/** `wasi_unstable`, snapshot 0: the records that preview1 laid out anew, byte by byte. */
import { describe, expect, test } from 'vitest';
import { World } from '../../support/abi-world.ts';
import { createPuppet, MASK } from './puppet.ts';

const unstable = { importsFrom: 'wasi_unstable' };

describe('wasi_unstable', () => {
  test('seeks from here, from the end, from the start: 0, 1, 2', async () => {
    const puppet = await createPuppet(unstable);
    const fd = await puppet.open('file', { oflags: 1 });
    await puppet.write(fd, '0123456789');
    const seek = async (offset: bigint, whence: number): Promise<bigint> => {
      expect(await puppet.call('fd_seek', fd, offset, whence, 100)).toBe(0);
      return puppet.u64(100);
    };
    expect(await seek(2n, 2)).toBe(2n);
    expect(await seek(3n, 0)).toBe(5n);
    expect(await seek(-1n, 1)).toBe(9n);
    expect(await puppet.read(fd)).toBe('9');
    expect(await puppet.call('fd_seek', fd, 0n, 3, 100)).toBe(28);
  });

  test.each(['fd_filestat_get', 'path_filestat_get'])('%s writes 56 bytes', async (name) => {
    const world = new World();
    const puppet = await createPuppet({ ...unstable, world });
    const fd = await puppet.open('file', { oflags: 1 });
    await puppet.write(fd, 'twelve bytes');
    const at = 200;
    puppet.bytes.fill(MASK, at, at + 64);
    const path = puppet.put(1_000, 'file');
    const args = name === 'fd_filestat_get' ? [fd, at] : [3, 0, ...path, at];
    expect(await puppet.call(name, ...args)).toBe(0);
    expect(puppet.bytes[at + 16]).toBe(4);
    expect(puppet.u32(at + 20)).toBe(1);
    expect(puppet.u64(at + 24)).toBe(12n);
    expect(puppet.u64(at + 40)).toBe(world.nowNs);
    expect([...puppet.bytes.subarray(at + 56, at + 64)]).toEqual(Array(8).fill(MASK));
  });

  test('a clock to wait for has its id at 24', async () => {
    const world = new World();
    const puppet = await createPuppet({ ...unstable, world });
    const at = 1_000;
    puppet.bytes.fill(0, at, at + 112);
    puppet.bytes.writeBigUInt64LE(7n, at);
    puppet.bytes.writeBigUInt64LE(99n, at + 16);
    puppet.bytes.writeUInt32LE(1, at + 24);
    puppet.bytes.writeBigUInt64LE(5_000_000n, at + 32);
    // The second subscription: descriptor 1 may be written, at once.
    puppet.bytes.writeBigUInt64LE(8n, at + 56);
    puppet.bytes[at + 64] = 2;
    puppet.bytes.writeUInt32LE(1, at + 72);
    expect(await puppet.call('poll_oneoff', at, 5_000, 2, 100)).toBe(0);
    expect([puppet.u32(100), puppet.u64(5_000)]).toEqual([1, 8n]);
    const sleeping = puppet.call('poll_oneoff', at, 5_000, 1, 100);
    world.elapse(5_000_000n);
    expect(await sleeping).toBe(0);
    expect([puppet.u32(100), puppet.u64(5_000)]).toEqual([1, 7n]);
  });

  test('an absolute clock has its flags at 48', async () => {
    const world = new World();
    const puppet = await createPuppet({ ...unstable, world });
    puppet.bytes.fill(0, 1_000, 1_056);
    puppet.bytes.writeUInt16LE(1, 1_048);
    expect(await puppet.call('poll_oneoff', 1_000, 5_000, 1, 100)).toBe(0);
    expect(puppet.u32(100)).toBe(1);
  });
});
