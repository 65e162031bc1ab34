import { describe, expect, test } from 'vitest';
import { createPuppet, END, MASK, type Puppet } from './puppet.ts';

const FAULT = 21;

/** A call with the address of its result, and how many bytes it writes there. */
interface Case {
  readonly name: string;
  readonly bytes: number;
  readonly call: (puppet: Puppet, ptr: number) => Promise<number>;
}

const cases: readonly Case[] = [
  { name: 'args_sizes_get count', bytes: 4, call: (p, ptr) => p.call('args_sizes_get', ptr, 100) },
  { name: 'args_sizes_get bytes', bytes: 4, call: (p, ptr) => p.call('args_sizes_get', 100, ptr) },
  { name: 'args_get ptrs', bytes: 8, call: (p, ptr) => p.call('args_get', ptr, 100) },
  { name: 'args_get buffer', bytes: 6, call: (p, ptr) => p.call('args_get', 100, ptr) },
  {
    name: 'environ_sizes_get count',
    bytes: 4,
    call: (p, ptr) => p.call('environ_sizes_get', ptr, 100),
  },
  {
    name: 'environ_sizes_get bytes',
    bytes: 4,
    call: (p, ptr) => p.call('environ_sizes_get', 100, ptr),
  },
  { name: 'environ_get ptrs', bytes: 4, call: (p, ptr) => p.call('environ_get', ptr, 100) },
  { name: 'environ_get buffer', bytes: 4, call: (p, ptr) => p.call('environ_get', 100, ptr) },
  { name: 'clock_res_get', bytes: 8, call: (p, ptr) => p.call('clock_res_get', 0, ptr) },
  { name: 'clock_time_get', bytes: 8, call: (p, ptr) => p.call('clock_time_get', 1, 0n, ptr) },
  { name: 'fd_fdstat_get', bytes: 24, call: (p, ptr) => p.call('fd_fdstat_get', 1, ptr) },
  { name: 'fd_filestat_get', bytes: 64, call: (p, ptr) => p.call('fd_filestat_get', 3, ptr) },
  { name: 'fd_prestat_get', bytes: 8, call: (p, ptr) => p.call('fd_prestat_get', 3, ptr) },
  {
    name: 'fd_prestat_dir_name',
    bytes: 1,
    call: (p, ptr) => p.call('fd_prestat_dir_name', 3, ptr, 1),
  },
  { name: 'random_get', bytes: 9, call: (p, ptr) => p.call('random_get', ptr, 9) },
  {
    name: 'fd_write count',
    bytes: 4,
    call: (p, ptr) => {
      p.putIovecs(200, [300, 5]);
      return p.call('fd_write', 1, 200, 1, ptr);
    },
  },
  {
    name: 'fd_readdir buffer',
    bytes: 25,
    call: (p, ptr) => p.call('fd_readdir', 3, ptr, 25, 0n, 100),
  },
  {
    name: 'fd_readdir count',
    bytes: 4,
    call: (p, ptr) => p.call('fd_readdir', 3, 100, 25, 0n, ptr),
  },
  {
    name: 'path_filestat_get',
    bytes: 64,
    call: (p, ptr) => p.path('path_filestat_get', 3, 0, '.', ptr),
  },
  {
    name: 'path_open',
    bytes: 4,
    call: (p, ptr) => p.path('path_open', 3, 0, '.', 0, 0n, 0n, 0, ptr),
  },
  {
    name: 'poll_oneoff events',
    bytes: 32,
    call: (p, ptr) => {
      p.bytes.fill(0, 200, 248);
      return p.call('poll_oneoff', 200, ptr, 1, 100);
    },
  },
  {
    name: 'poll_oneoff count',
    bytes: 4,
    call: (p, ptr) => {
      p.bytes.fill(0, 200, 248);
      return p.call('poll_oneoff', 200, 300, 1, ptr);
    },
  },
];

const make = () =>
  createPuppet({ listArguments: () => ['ab', 'cd'], listEnvironment: () => ['A=1'] });

describe('each result', () => {
  test.each(cases)('$name: $bytes bytes, and none beside them', async ({ bytes, call }) => {
    const puppet = await make();
    const ptr = 1_000;
    expect(await call(puppet, ptr)).toBe(0);
    const { bytes: memory } = puppet;
    expect(memory[ptr - 1]).toBe(MASK);
    expect(memory[ptr + bytes]).toBe(MASK);
    const written = puppet.host.writes.filter((w) => w.ptr >= ptr && w.ptr < ptr + bytes);
    expect(Math.max(...written.map((w) => w.ptr + w.len))).toBe(ptr + bytes);
  });

  test.each(cases)('$name: fits at the end of memory', async ({ bytes, call }) => {
    const puppet = await make();
    expect(await call(puppet, END - bytes)).toBe(0);
  });

  test.each(cases)('$name: one byte past the end is a fault', async ({ bytes, call }) => {
    const puppet = await make();
    expect(await call(puppet, END - bytes + 1)).toBe(FAULT);
    expect(await call(puppet, 0xffff_fff0)).toBe(FAULT);
    expect(await call(puppet, -1)).toBe(FAULT);
  });
});

describe('iovecs', () => {
  test('are read to the last byte of memory and no further', async () => {
    const puppet = await make();
    puppet.put(END - 3, 'abc');
    puppet.putIovecs(END - 11, [END - 3, 3]);
    expect(await puppet.call('fd_write', 1, END - 11, 1, 100)).toBe(0);
    expect(puppet.stdout.text).toBe('abc');
    puppet.putIovecs(200, [END - 3, 4]);
    expect(await puppet.call('fd_write', 1, 200, 1, 100)).toBe(FAULT);
    expect(await puppet.call('fd_write', 1, END - 7, 1, 100)).toBe(FAULT);
    expect(puppet.stdout.text).toBe('abc');
  });

  test('of nothing may point anywhere', async () => {
    const puppet = await make();
    puppet.putIovecs(200, [0xffff_ffff, 0]);
    expect(await puppet.call('fd_write', 1, 200, 1, 100)).toBe(0);
    expect(puppet.u32(100)).toBe(0);
  });

  test('are at most 1024', async () => {
    const puppet = await make();
    puppet.bytes.fill(0, 0, 1_025 * 8);
    expect(await puppet.call('fd_write', 1, 0, 1_024, 40_000)).toBe(0);
    expect(await puppet.call('fd_write', 1, 0, 1_025, 40_000)).toBe(28);
    expect(await puppet.call('fd_write', 1, 0, -1, 40_000)).toBe(28);
  });

  test('name the same bytes again, but not more of them than a program can count', async () => {
    const stdout = { write: () => undefined, flush: () => undefined, isDropping: true };
    const puppet = await createPuppet({ pages: 33, stdout });
    const write = (...ranges: [number, number][]): Promise<number> => {
      puppet.putIovecs(0, ...ranges);
      return puppet.call('fd_write', 1, 0, ranges.length, 40_000);
    };
    const half: [number, number] = [65_536, 2 ** 21];
    const almost: [number, number] = [65_536, 2 ** 21 - 1];
    const vectors = Array.from({ length: 1_023 }, () => half);
    expect(await write(...vectors, almost)).toBe(0);
    expect(puppet.u32(40_000)).toBe(2 ** 31 - 1);
    expect(await write(...vectors, half)).toBe(28);
  });
});
