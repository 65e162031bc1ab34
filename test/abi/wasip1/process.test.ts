import { describe, expect, test } from 'vitest';
import { createMemoryTree } from '../../../src/abi/objects/files/memory-tree.ts';
import type { DirectoryNode } from '../../../src/abi/objects/files/node.ts';
import { LazyPreopen } from '../../../src/abi/objects/files/preopens.ts';
import { World } from '../../support/abi-world.ts';
import { createPuppet, MASK, PipedInput } from './puppet.ts';

describe('args and environ', () => {
  test('are strings ended by NUL, and their addresses', async () => {
    const puppet = await createPuppet({ listEnvironment: () => ['A=1', 'B='] });
    expect(await puppet.call('environ_sizes_get', 100, 104)).toBe(0);
    expect([puppet.u32(100), puppet.u32(104)]).toEqual([2, 7]);
    expect(await puppet.call('environ_get', 200, 300)).toBe(0);
    expect([puppet.u32(200), puppet.u32(204)]).toEqual([300, 304]);
    expect(puppet.text(300, 7)).toBe('A=1\0B=\0');
    expect(puppet.bytes[307]).toBe(MASK);
  });

  test('of nothing touch nothing', async () => {
    const puppet = await createPuppet();
    expect(await puppet.call('args_get', 100, 200)).toBe(0);
    expect([puppet.bytes[100], puppet.bytes[200]]).toEqual([MASK, MASK]);
  });
});

describe('clocks', () => {
  test('the real time is the world’s, the others go on from shortly before the run', async () => {
    const world = new World();
    const puppet = await createPuppet({ world });
    expect(await puppet.call('clock_time_get', 0, 0n, 100)).toBe(0);
    expect(puppet.u64(100)).toBe(world.nowNs);
    for (const id of [1, 2, 3]) {
      await puppet.call('clock_time_get', id, 0n, 100);
      expect(puppet.u64(100)).toBe(1_000_000_000n);
    }
    world.elapse(7_000_000n);
    await puppet.call('clock_time_get', 1, 0n, 100);
    expect(puppet.u64(100)).toBe(1_007_000_000n);
  });

  test('there are four', async () => {
    const puppet = await createPuppet();
    expect(await puppet.call('clock_time_get', 4, 0n, 100)).toBe(28);
    expect(await puppet.call('clock_res_get', -1, 100)).toBe(28);
    await puppet.call('clock_res_get', 0, 100);
    expect(puppet.u64(100)).toBe(1_000_000n);
  });
});

describe('random_get', () => {
  test('gives at most 1 MiB a call', async () => {
    const puppet = await createPuppet({ pages: 17 });
    expect(await puppet.call('random_get', 0, 1_048_576)).toBe(0);
    expect(await puppet.call('random_get', 0, 1_048_577)).toBe(28);
  });

  test('gives the world’s bytes, in chunks', async () => {
    const world = new World();
    world.randomBytes = Buffer.alloc(65_536, 7);
    const puppet = await createPuppet({ world });
    expect(await puppet.call('random_get', 1, 65_535)).toBe(0);
    expect(puppet.bytes[0]).toBe(MASK);
    expect([puppet.bytes[1], puppet.bytes[65_535]]).toEqual([7, 7]);
    expect(await puppet.call('random_get', 0, 0)).toBe(0);
  });
});

describe('the end', () => {
  test('proc_exit ends the run with its code', async () => {
    const puppet = await createPuppet();
    await expect(puppet.call('proc_exit', 33)).rejects.toThrow('{"kind":"exited","exitCode":33}');
    await expect(puppet.call('proc_exit', -1)).rejects.toThrow('"exitCode":4294967295');
  });

  test('there are no signals and no sockets', async () => {
    const puppet = await createPuppet();
    expect(await puppet.call('proc_raise', 9)).toBe(52);
    expect(await puppet.call('sched_yield')).toBe(0);
    expect(await puppet.call('sock_shutdown', 1, 0)).toBe(57);
    expect(await puppet.call('sock_accept', 3, 0, 100)).toBe(57);
    expect(await puppet.call('sock_recv', 99, 0, 0, 0, 100, 104)).toBe(8);
    expect(await puppet.call('sock_send', 99, 0, 0, 0, 100)).toBe(8);
  });
});

describe('standard streams', () => {
  test('are neither terminals nor files: C sends what it has in large pieces', async () => {
    const puppet = await createPuppet();
    for (const fd of [0, 1, 2]) {
      await puppet.call('fd_fdstat_get', fd, 100);
      expect(puppet.bytes[100]).toBe(0);
      expect(puppet.u64(108) & 0x24n).toBe(0n);
      expect(await puppet.call('fd_seek', fd, 0n, 0, 200)).toBe(70);
      expect(await puppet.call('fd_tell', fd, 200)).toBe(70);
      expect(await puppet.call('fd_filestat_get', fd, 200)).toBe(0);
    }
    expect(await puppet.call('fd_write', 0, 200, 0, 100)).toBe(8);
    expect(await puppet.call('fd_read', 1, 200, 0, 100)).toBe(8);
  });

  test('reading waits for input, gives what there is, and ends', async () => {
    const stdin = new PipedInput();
    const puppet = await createPuppet({ stdin });
    const first = puppet.read(0, 3);
    stdin.push('hello');
    expect(await first).toBe('hel');
    expect(await puppet.read(0, 3)).toBe('lo');
    stdin.end();
    expect(await puppet.read(0)).toBe('');
    expect(await puppet.read(0)).toBe('');
  });

  test.each([true, false])(
    'input is let go once it is read, if it may be: %s',
    async (givesAway) => {
      const stdin = new PipedInput(givesAway);
      const puppet = await createPuppet({ stdin });
      const piece = Buffer.from(new ArrayBuffer(20_000)).fill('x');
      stdin.push(piece);
      puppet.putIovecs(200, [1_000, 20_000]);
      expect(await puppet.call('fd_read', 0, 200, 1, 100)).toBe(0);
      expect(puppet.u32(100)).toBe(20_000);
      expect(puppet.text(20_990, 10)).toBe('x'.repeat(10));
      expect(piece.length).toBe(givesAway ? 0 : 20_000);
    },
  );

  test('reading without blocking answers again', async () => {
    const puppet = await createPuppet({ stdin: new PipedInput() });
    expect(await puppet.call('fd_fdstat_set_flags', 0, 4)).toBe(0);
    puppet.putIovecs(200, [300, 5]);
    expect(await puppet.call('fd_read', 0, 200, 1, 100)).toBe(6);
    expect(await puppet.call('fd_fdstat_set_flags', 0, 32)).toBe(28);
  });

  test('writing waits for whoever takes it, and takes all of it', async () => {
    const taken: number[] = [];
    const gates: (() => void)[] = [];
    const stdout = {
      write: (bytes: Uint8Array) => {
        taken.push(bytes.length);
        return new Promise<void>((resolve) => gates.push(resolve));
      },
      flush: () => undefined,
    };
    const puppet = await createPuppet({ stdout });
    puppet.putIovecs(200, [1_000, 10], [2_000, 20]);
    const writing = puppet.call('fd_write', 1, 200, 2, 100);
    expect(taken).toEqual([10]);
    gates[0]?.();
    await Promise.resolve().then(() => undefined);
    while (taken.length < 2) await Promise.resolve();
    gates[1]?.();
    expect(await writing).toBe(0);
    expect(puppet.u32(100)).toBe(30);
  });

  test('a stream that has had enough ends the call', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const answers = [undefined, { bytes: 7, room: undefined }, { bytes: 3, room: promise }];
    const stdout = { write: () => answers.shift(), flush: () => undefined };
    const puppet = await createPuppet({ stdout });
    puppet.putIovecs(200, [1_000, 10], [2_000, 20], [3_000, 30]);
    expect(await puppet.call('fd_write', 1, 200, 3, 100)).toBe(0);
    expect(puppet.u32(100)).toBe(17);
    const writing = puppet.call('fd_write', 1, 200, 3, 100);
    expect(puppet.u32(100)).toBe(17);
    resolve();
    expect(await writing).toBe(0);
    expect(puppet.u32(100)).toBe(3);
  });

  test('what goes nowhere is not even looked at', async () => {
    const taken: number[] = [];
    const stderr = {
      write: (bytes: Uint8Array) => void taken.push(bytes.length),
      flush: () => undefined,
      get isDropping() {
        return taken.length >= 2;
      },
    };
    const puppet = await createPuppet({ stderr });
    puppet.putIovecs(200, [1_000, 10], [2_000, 20], [3_000, 30]);
    expect(await puppet.call('fd_write', 2, 200, 3, 100)).toBe(0);
    expect(puppet.u32(100)).toBe(60);
    expect(await puppet.call('fd_write', 2, 200, 1, 100)).toBe(0);
    expect(puppet.u32(100)).toBe(10);
    expect(taken).toEqual([10, 20]);
  });

  test('what comes after the end of the run finds no memory to write to', async () => {
    const stdin = new PipedInput();
    const puppet = await createPuppet({ stdin });
    const reading = puppet.read(0, 3);
    puppet.host.guest.release();
    stdin.push('late');
    await expect(reading).rejects.toThrow('its run has ended');
    expect(puppet.bytes[50_000]).toBe(MASK);
  });
});

describe('descriptors', () => {
  test('have the lowest free number', async () => {
    const puppet = await createPuppet();
    expect([await puppet.openDirectory('.'), await puppet.openDirectory('.')]).toEqual([4, 5]);
    expect(await puppet.call('fd_close', 4)).toBe(0);
    expect(await puppet.call('fd_close', 4)).toBe(8);
    expect(await puppet.openDirectory('.')).toBe(4);
  });

  test('are limited in number, and nothing is made beyond that', async () => {
    const puppet = await createPuppet({ descriptorsMax: 6 });
    await puppet.openDirectory('.');
    await puppet.open('a', { oflags: 1 });
    await expect(puppet.open('b', { oflags: 1 })).rejects.toThrow('errno 33');
    expect(await puppet.path('path_filestat_get', 3, 0, 'b', 100)).toBe(44);
  });

  test('of wild numbers are none', async () => {
    const puppet = await createPuppet();
    for (const fd of [99, -1, 0x7fff_ffff]) {
      expect(await puppet.call('fd_close', fd)).toBe(8);
      expect(await puppet.call('fd_prestat_get', fd, 100)).toBe(8);
      expect(await puppet.call('fd_renumber', 1, fd)).toBe(8);
    }
  });

  test('can be renumbered, over others and over themselves', async () => {
    const puppet = await createPuppet();
    const fd = await puppet.open('a', { oflags: 1 });
    expect(await puppet.call('fd_renumber', fd, fd)).toBe(0);
    expect(await puppet.call('fd_renumber', fd, 1)).toBe(0);
    expect(await puppet.write(1, 'into the file')).toBe(0);
    expect(await puppet.read(await puppet.open('a'))).toBe('into the file');
    expect(puppet.stdout.text).toBe('');
  });

  test('a directory that is open from the start is made when it is looked into', async () => {
    let made = 0;
    const tree = createMemoryTree({ device: 1n, bytesMax: 100, nodesMax: 10, nowNs: () => 0n });
    const open = (): DirectoryNode => {
      made += 1;
      return tree;
    };
    const puppet = await createPuppet({ openPreopens: () => [new LazyPreopen('/', open)] });
    expect(await puppet.call('fd_prestat_get', 3, 100)).toBe(0);
    expect([puppet.u32(100), puppet.u32(104)]).toEqual([0, 1]);
    expect(await puppet.call('fd_prestat_dir_name', 3, 200, 1)).toBe(0);
    expect(puppet.text(200, 1)).toBe('/');
    expect(await puppet.call('fd_fdstat_get', 3, 300)).toBe(0);
    expect(made).toBe(0);
    for (const name of ['a', 'b']) await puppet.open(name, { oflags: 1 });
    expect(made).toBe(1);
  });

  test('a stream’s directories are not made for it', async () => {
    let opened = 0;
    const openPreopens = () => {
      opened += 1;
      return [];
    };
    const puppet = await createPuppet({ openPreopens });
    await puppet.write(1, 'x');
    expect(opened).toBe(0);
    expect(await puppet.call('fd_prestat_get', 3, 100)).toBe(8);
    expect(opened).toBe(1);
  });
});
