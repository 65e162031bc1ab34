import { describe, expect, test } from 'vitest';
import { AbiHost } from '../support/abi-host.ts';
import {
  assemble,
  changesSince,
  createPuppet,
  HEAP_START,
  put,
  readGiven,
} from '../support/abi-puppet.ts';

const OUT = 0x40;

/** Allocators at other addresses, so that an address tells who made it. */
const others = `
  (table (export "table") 8 funcref)
  (elem (i32.const 1) $mallocA $mallocB $notMalloc)
  (func $mallocA (param i32) (result i32) (i32.const 0x2000))
  (func $mallocB (param i32) (result i32) (i32.const 0x3000))
  (func $notMalloc)`;
const exportedMalloc = `(func (export "malloc") (param i32) (result i32) (i32.const 0x4000))`;

async function addressOfMethod(host: AbiHost): Promise<number> {
  await host.call('req_get_method', OUT, OUT + 4, 0);
  return host.bytes.readUInt32LE(OUT);
}

describe('the allocator', () => {
  test('is the export default_malloc_impl, whatever else there is', async () => {
    const puppet = await createPuppet({ wat: others + exportedMalloc });
    await puppet.call('init_mm', 1, 2);
    expect(await addressOfMethod(puppet)).toBe(HEAP_START);
  });

  test('else is the table entry that init_mm named', async () => {
    const puppet = await createPuppet({ malloc: 'none', wat: others + exportedMalloc });
    await puppet.call('init_mm', 1, 2);
    expect(await addressOfMethod(puppet)).toBe(0x2000);
    await puppet.call('init_mm', 2, 1);
    expect(await addressOfMethod(puppet)).toBe(0x3000);
  });

  test('is found in a table that is not exported', async () => {
    const wat = others.replace('(export "table")', '');
    const puppet = await createPuppet({ malloc: 'none', wat });
    await puppet.call('init_mm', 1, 2);
    expect(await addressOfMethod(puppet)).toBe(0x2000);
  });

  test.each([0, 4, 8, -1, 0x7fff_ffff])(
    'else is the export malloc, when entry %i is no function',
    async (index) => {
      const puppet = await createPuppet({ malloc: 'none', wat: others + exportedMalloc });
      await puppet.call('init_mm', index, index);
      expect(await addressOfMethod(puppet)).toBe(0x4000);
    },
  );

  test('that init_mm named while the instance was made is there in every run', async () => {
    const puppet = await createPuppet({
      malloc: 'none',
      wat: `${others} (func $start (call $hostcall_init_mm (i32.const 1) (i32.const 2)))
        (start $start)`,
    });
    expect(await addressOfMethod(puppet)).toBe(0x2000);
    await puppet.call('init_mm', 2, 1);
    expect(await addressOfMethod(puppet)).toBe(0x3000);
    puppet.binding.release();
    puppet.begin();
    expect(await addressOfMethod(puppet)).toBe(0x2000);
  });

  test('that one run named is forgotten by the next', async () => {
    const puppet = await createPuppet({ malloc: 'none', wat: others + exportedMalloc });
    await puppet.call('init_mm', 1, 2);
    expect(await addressOfMethod(puppet)).toBe(0x2000);
    puppet.binding.release();
    puppet.begin();
    expect(await addressOfMethod(puppet)).toBe(0x4000);
  });

  test('of the wrong type traps', async () => {
    const puppet = await createPuppet({ malloc: 'none', wat: others });
    await puppet.call('init_mm', 3, 3);
    await expect(addressOfMethod(puppet)).rejects.toThrow(
      'its malloc must answer an i32: received undefined',
    );
  });
});

describe('without an allocator', () => {
  test('data is placed in new pages, 8-aligned, and nothing else changes', async () => {
    const puppet = await createPuppet({ malloc: 'none' });
    const before = Buffer.from(puppet.bytes);
    await puppet.call('req_get_method', OUT, OUT + 4, 0);
    await puppet.call('req_get_method', OUT + 8, OUT + 12, 0);
    expect(changesSince(before, puppet)).toEqual({
      '0x0040': '00 00 01 00 03 00 00 00 08 00 01 00 03 00 00 00',
      '0x10000': '47 45 54',
      '0x10008': '47 45 54',
    });
    expect(puppet.bytes).toHaveLength(2 * 65_536);
  });

  test('more than a page takes as many pages as it needs', async () => {
    const body = 'x'.repeat(65_536);
    const puppet = await createPuppet({ malloc: 'none', request: { body } });
    await puppet.call('req_get_body', OUT, OUT + 4, 0);
    expect(readGiven(puppet, OUT)).toBe(body);
    expect(puppet.bytes).toHaveLength(3 * 65_536);
  });

  test('memory grows up to the limit and not past it', async () => {
    const limits = { memoryBytesMax: 3 * 65_536 };
    const fitting = {
      malloc: 'none',
      limits,
      request: { body: 'x'.repeat(2 * 65_536 - 1) },
    } as const;
    const puppet = await createPuppet(fitting);
    await puppet.call('req_get_body', OUT, OUT + 4, 0);
    expect(puppet.bytes).toHaveLength(3 * 65_536);
    const tooLarge = await createPuppet({ ...fitting, request: { body: 'x'.repeat(2 * 65_536) } });
    await expect(tooLarge.call('req_get_body', OUT, OUT + 4, 0)).rejects.toThrow(
      'Cannot place 131073 bytes in the guest: it has no malloc and its memory cannot grow',
    );
  });

  test('a memory at its own maximum traps', async () => {
    const wasm = await assemble(`(module
      (import "env" "hostcall_req_get_path" (func $path (param i32 i32 i32)))
      (memory 1 1)
      (func (export "run") (call $path (i32.const 0) (i32.const 4) (i32.const 0))))`);
    const { end } = await new AbiHost(wasm).run();
    expect(end).toMatchObject({ reason: expect.stringContaining('its memory cannot grow') });
  });

  test('no memory at all traps', async () => {
    const wasm = await assemble(`(module
      (import "env" "hostcall_req_get_path" (func $path (param i32 i32 i32)))
      (func (export "run") (call $path (i32.const 0) (i32.const 4) (i32.const 0))))`);
    const { end } = await new AbiHost(wasm).run();
    expect(end).toEqual({ kind: 'trapped', reason: 'the module has no memory' });
  });
});

test('init_mm writes nothing', async () => {
  const puppet = await createPuppet();
  const before = Buffer.from(puppet.bytes);
  await puppet.call('init_mm', 1, 2);
  expect(changesSince(before, puppet)).toEqual({});
});

test('any other hostcall before the first request traps', async () => {
  const wat = `(func $start (drop (call $hostcall_rng_next_u64))) (start $start)`;
  await expect(createPuppet({ wat })).rejects.toThrow(WebAssembly.RuntimeError);
});

test('no string is longer than its NUL says: malloc is asked for len + 1', async () => {
  const puppet = await createPuppet({
    malloc: {
      wat: `(global $asked (export "asked") (mut i32) (i32.const 0))
        (func $malloc (export "default_malloc_impl") (param $size i32) (result i32)
          (global.set $asked (local.get $size)) (i32.const 0x2000))
        (func (export "asked_for") (result i32) (global.get $asked))`,
    },
    request: { headers: [['a', '']] },
  });
  await puppet.call('req_get_method', OUT, OUT + 4, 0);
  expect(await puppet.call('asked_for')).toBe('GET'.length + 1);
  await puppet.call('req_get_header', OUT, OUT + 4, 0, ...put(puppet, 0x10, 'a'));
  expect(await puppet.call('asked_for')).toBe(8);
});
