import { describe, expect, test } from 'vitest';
import { createMemoryTree } from '../../../src/abi/objects/files/memory-tree.ts';
import { mountTree } from '../../../src/abi/objects/files/site-tree.ts';
import { walk } from '../../../src/abi/objects/files/walk.ts';
import { createPuppet, type Puppet } from './puppet.ts';

const CREATE = { oflags: 1 };
const E = {
  badf: 8,
  busy: 10,
  exist: 20,
  fbig: 22,
  inval: 28,
  isdir: 31,
  loop: 32,
  nametoolong: 37,
  noent: 44,
  nospc: 51,
  notdir: 54,
  notempty: 55,
  perm: 63,
  rofs: 69,
  xdev: 75,
  notcapable: 76,
};

async function fill(puppet: Puppet, path: string, text: string): Promise<void> {
  const fd = await puppet.open(path, CREATE);
  expect(await puppet.write(fd, text)).toBe(0);
  expect(await puppet.call('fd_close', fd)).toBe(0);
}

async function content(puppet: Puppet, path: string): Promise<string> {
  const fd = await puppet.open(path, { rights: 2n });
  const text = await puppet.read(fd);
  await puppet.call('fd_close', fd);
  return text;
}

async function names(puppet: Puppet, fd = 3): Promise<readonly string[]> {
  expect(await puppet.call('fd_readdir', fd, 10_000, 20_000, 0n, 100)).toBe(0);
  const found: string[] = [];
  for (let at = 10_000; at < 10_000 + puppet.u32(100); ) {
    const length = puppet.u32(at + 16);
    found.push(puppet.text(at + 24, length));
    at += 24 + length;
  }
  return found;
}

describe('files', () => {
  test('are written, read, sought, truncated and appended to', async () => {
    const puppet = await createPuppet();
    const fd = await puppet.open('a', CREATE);
    await puppet.write(fd, 'hello world');
    expect(await puppet.call('fd_seek', fd, -5n, 1, 200)).toBe(0);
    expect(puppet.u64(200)).toBe(6n);
    expect(await puppet.read(fd)).toBe('world');
    expect(await puppet.call('fd_seek', fd, -3n, 2, 200)).toBe(0);
    expect(puppet.u64(200)).toBe(8n);
    expect(await puppet.call('fd_seek', fd, -9n, 1, 200)).toBe(E.inval);
    expect(await puppet.call('fd_seek', fd, 0n, 3, 200)).toBe(E.inval);
    await puppet.call('fd_tell', fd, 200);
    expect(puppet.u64(200)).toBe(8n);
    expect(await puppet.call('fd_filestat_set_size', fd, 5n)).toBe(0);
    expect(await content(puppet, 'a')).toBe('hello');
    const appending = await puppet.open('a', { fdflags: 1 });
    await puppet.write(appending, '!');
    await puppet.write(fd, '?');
    expect(await content(puppet, 'a')).toBe('hello!\0\0?');
    await puppet.open('a', { oflags: 8 });
    expect(await content(puppet, 'a')).toBe('');
  });

  test('are read and written at a place without moving the descriptor’s', async () => {
    const puppet = await createPuppet();
    const fd = await puppet.open('a', CREATE);
    puppet.putIovecs(200, puppet.put(300, 'abc'));
    expect(await puppet.call('fd_pwrite', fd, 200, 1, 2n, 100)).toBe(0);
    puppet.putIovecs(200, [400, 2], [500, 9]);
    expect(await puppet.call('fd_pread', fd, 200, 2, 1n, 100)).toBe(0);
    expect(puppet.u32(100)).toBe(4);
    expect([puppet.text(400, 2), puppet.text(500, 2)]).toEqual(['\0a', 'bc']);
    await puppet.call('fd_tell', fd, 200);
    expect(puppet.u64(200)).toBe(0n);
    expect(await puppet.call('fd_pread', fd, 200, 0, -1n, 100)).toBe(E.inval);
    expect(await puppet.call('fd_pwrite', fd, 200, 0, -1n, 100)).toBe(E.inval);
  });

  test('allow what they were opened for', async () => {
    const puppet = await createPuppet();
    await fill(puppet, 'a', 'x');
    const reading = await puppet.open('a', { rights: 2n });
    expect(await puppet.write(reading, 'y')).toBe(E.badf);
    expect(await puppet.call('fd_filestat_set_size', reading, 0n)).toBe(E.badf);
    expect(await puppet.call('fd_allocate', reading, 0n, 9n)).toBe(E.badf);
    const writing = await puppet.open('a', { rights: 64n });
    await expect(puppet.read(writing)).rejects.toThrow('errno 8');
    await expect(puppet.open('a', { oflags: 1 | 4 })).rejects.toThrow(`errno ${E.exist}`);
    await expect(puppet.open('a', { oflags: 2 })).rejects.toThrow(`errno ${E.notdir}`);
    await expect(puppet.open('a', { oflags: 16 })).rejects.toThrow(`errno ${E.inval}`);
    await expect(puppet.open('.', { rights: 64n })).rejects.toThrow(`errno ${E.isdir}`);
  });

  test('live as long as a name or a descriptor', async () => {
    const puppet = await createPuppet();
    const fd = await puppet.open('a', CREATE);
    await puppet.write(fd, 'kept');
    expect(await puppet.path('path_link', 3, 0, 'a', 3, 'b')).toBe(0);
    expect(await puppet.path('path_unlink_file', 3, 'a')).toBe(0);
    expect(await content(puppet, 'b')).toBe('kept');
    expect(await puppet.path('path_unlink_file', 3, 'b')).toBe(0);
    await puppet.call('fd_seek', fd, 0n, 0, 200);
    expect(await puppet.read(fd)).toBe('kept');
    await puppet.call('fd_filestat_get', fd, 200);
    expect(puppet.u64(224)).toBe(0n);
  });

  test('keep the times they are given', async () => {
    const puppet = await createPuppet();
    await fill(puppet, 'a', 'x');
    expect(await puppet.path('path_filestat_set_times', 3, 0, 'a', 5n, 7n, 1 | 4)).toBe(0);
    await puppet.path('path_filestat_get', 3, 0, 'a', 200);
    expect([puppet.u64(240), puppet.u64(248)]).toEqual([5n, 7n]);
    expect(await puppet.path('path_filestat_set_times', 3, 0, 'a', 0n, 0n, 8)).toBe(0);
    await puppet.path('path_filestat_get', 3, 0, 'a', 200);
    expect([puppet.u64(240), puppet.u64(248)]).toEqual([5n, puppet.world.nowNs]);
    expect(await puppet.path('path_filestat_set_times', 3, 0, 'a', 0n, 0n, 1 | 2)).toBe(E.inval);
  });
});

describe('limits of the tree', () => {
  test('bytes: what does not fit is not there, what was deleted has room again', async () => {
    const puppet = await createPuppet({ tree: { bytesMax: 101 } });
    const fd = await puppet.open('a', CREATE);
    expect(await puppet.write(fd, 'x'.repeat(100))).toBe(0);
    expect(await puppet.write(fd, 'x')).toBe(E.nospc);
    expect(await puppet.call('fd_filestat_set_size', fd, 1n << 60n)).toBe(E.nospc);
    expect(await puppet.call('fd_allocate', fd, -1n, 2n)).toBe(E.nospc);
    await expect(puppet.open('b', CREATE)).rejects.toThrow(`errno ${E.nospc}`);
    await puppet.path('path_unlink_file', 3, 'a');
    await expect(puppet.open('bc', CREATE)).rejects.toThrow(`errno ${E.nospc}`);
    await puppet.call('fd_close', fd);
    await fill(puppet, 'b', 'y'.repeat(100));
  });

  test('nodes: more than a few are on the account, where they may be refused', async () => {
    const asked: number[] = [];
    const hostMemory = {
      tryHold: () => true,
      tryHoldObjects: (bytes: number) => asked.push(bytes) < 2,
      release: () => undefined,
    };
    const puppet = await createPuppet({ tree: { hostMemory, nodesMax: 1_000 } });
    let made = 0;
    while ((await puppet.path('path_create_directory', 3, `d${made}`)) === 0) made += 1;
    expect(await puppet.path('path_create_directory', 3, 'more')).toBe(E.nospc);
    expect(asked.slice(0, 2)).toEqual([64 * 512, 64 * 512]);
    // The first are free; the root is one of them.
    expect(made).toBe(127);
  });

  test('nodes: one more is refused, a removed one makes room', async () => {
    const puppet = await createPuppet({ tree: { nodesMax: 3 } });
    expect(await puppet.path('path_create_directory', 3, 'd')).toBe(0);
    expect(await puppet.path('path_symlink', 'd', 3, 'l')).toBe(0);
    expect(await puppet.path('path_create_directory', 3, 'e')).toBe(E.nospc);
    expect(await puppet.path('path_symlink', 'd', 3, 'm')).toBe(E.nospc);
    expect(await puppet.path('path_remove_directory', 3, 'd')).toBe(0);
    expect(await puppet.path('path_create_directory', 3, 'e')).toBe(0);
    expect(await puppet.path('path_unlink_file', 3, 'l')).toBe(0);
    await fill(puppet, 'f', 'x');
    expect(await puppet.path('path_rename', 3, 'f', 3, 'g')).toBe(0);
    expect(await puppet.path('path_unlink_file', 3, 'g')).toBe(0);
    await fill(puppet, 'h', 'x');
  });

  test('names and paths', async () => {
    const puppet = await createPuppet();
    await fill(puppet, 'n'.repeat(255), 'x');
    await expect(puppet.open('n'.repeat(256), CREATE)).rejects.toThrow(`errno ${E.nametoolong}`);
    expect(await puppet.call('path_create_directory', 3, 0, 4_097)).toBe(E.nametoolong);
    puppet.put(100, Uint8Array.of(0xff));
    expect(await puppet.call('path_create_directory', 3, 100, 1)).toBe(25);
    expect(await puppet.path('path_create_directory', 3, 'a\0b')).toBe(E.inval);
    expect(await puppet.path('path_create_directory', 3, '')).toBe(E.noent);
  });
});

describe('directories', () => {
  test('list themselves with cookies that survive removal', async () => {
    const puppet = await createPuppet();
    for (const name of ['a', 'b', 'c']) await fill(puppet, name, name);
    expect(await names(puppet)).toEqual(['.', '..', 'a', 'b', 'c']);
    await puppet.call('fd_readdir', 3, 10_000, 3 * 24 + 4, 0n, 100);
    const cookie = puppet.u64(10_000 + 24 + 1 + 24 + 2);
    await puppet.path('path_unlink_file', 3, 'a');
    await puppet.call('fd_readdir', 3, 10_000, 1_000, cookie, 100);
    expect(puppet.text(10_024, 1)).toBe('b');
    expect(puppet.u32(100)).toBe(50);
    await puppet.call('fd_readdir', 3, 10_000, 1_000, 99n, 100);
    expect(puppet.u32(100)).toBe(0);
    expect(await names(puppet)).toEqual(['.', '..', 'b', 'c']);
  });

  test('are moved, but not into themselves', async () => {
    const puppet = await createPuppet();
    await puppet.path('path_create_directory', 3, 'a');
    await puppet.path('path_create_directory', 3, 'a/b');
    await fill(puppet, 'a/b/f', 'deep');
    expect(await puppet.path('path_rename', 3, 'a', 3, 'a/b/c')).toBe(E.inval);
    expect(await puppet.path('path_rename', 3, 'a', 3, 'a')).toBe(0);
    expect(await puppet.path('path_rename', 3, 'a/b', 3, 'moved')).toBe(0);
    expect(await content(puppet, 'moved/f')).toBe('deep');
    expect(await puppet.path('path_rename', 3, 'moved', 3, 'a')).toBe(0);
    expect(await content(puppet, 'a/f')).toBe('deep');
    expect(await puppet.path('path_remove_directory', 3, 'a')).toBe(E.notempty);
    expect(await puppet.path('path_remove_directory', 3, 'a/f')).toBe(E.notdir);
    expect(await puppet.path('path_unlink_file', 3, 'a')).toBe(E.isdir);
    expect(await puppet.path('path_remove_directory', 3, '.')).toBe(E.inval);
  });

  test('that were removed while open take nothing more', async () => {
    const puppet = await createPuppet();
    await puppet.path('path_create_directory', 3, 'd');
    const fd = await puppet.openDirectory('d');
    await puppet.path('path_remove_directory', 3, 'd');
    await expect(puppet.open('x', { fd, oflags: 1 })).rejects.toThrow(`errno ${E.noent}`);
    expect(await names(puppet, fd)).toEqual(['.', '..']);
  });
});

describe('the way out', () => {
  const outside = ['..', '../x', 'd/../../x', '/x', '//x', 'd/../..', './../x'];

  test.each(outside)('%s is refused for every call that takes a path', async (path) => {
    const puppet = await createPuppet();
    await puppet.path('path_create_directory', 3, 'd');
    await fill(puppet, 'f', 'x');
    await expect(puppet.open(path)).rejects.toThrow(`errno ${E.notcapable}`);
    for (const [name, ...args] of [
      ['path_create_directory', 3, path],
      ['path_filestat_get', 3, 1, path, 100],
      ['path_filestat_set_times', 3, 1, path, 0n, 0n, 1],
      ['path_link', 3, 0, path, 3, 'l'],
      ['path_link', 3, 0, 'f', 3, path],
      ['path_readlink', 3, path, 100, 9, 200],
      ['path_remove_directory', 3, path],
      ['path_rename', 3, path, 3, 'l'],
      ['path_rename', 3, 'f', 3, path],
      ['path_symlink', 'f', 3, path],
      ['path_unlink_file', 3, path],
    ] as const) {
      expect([name, await puppet.path(name, ...args)]).toEqual([name, E.notcapable]);
    }
  });

  test('a link may lead anywhere inside, from wherever it stands', async () => {
    const puppet = await createPuppet();
    await puppet.path('path_create_directory', 3, 'd');
    await fill(puppet, 'f', 'found');
    expect(await puppet.path('path_symlink', '../f', 3, 'd/l')).toBe(0);
    expect(await content(puppet, 'd/l')).toBe('found');
    const fd = await puppet.openDirectory('d');
    await expect(puppet.open('l', { fd })).rejects.toThrow(`errno ${E.notcapable}`);
  });

  test.each(['../f', '../../etc', 'd/../../f'])('a link to %s is not followed', async (target) => {
    const puppet = await createPuppet();
    await puppet.path('path_create_directory', 3, 'd');
    expect(await puppet.path('path_symlink', target, 3, 'l')).toBe(0);
    await expect(puppet.open('l')).rejects.toThrow(`errno ${E.notcapable}`);
    await expect(puppet.open('l/passwd')).rejects.toThrow(`errno ${E.notcapable}`);
    await expect(puppet.open('l', { lookup: 0 })).rejects.toThrow(`errno ${E.loop}`);
  });

  test('a link to an absolute path is not even made', async () => {
    const puppet = await createPuppet();
    expect(await puppet.path('path_symlink', '/f', 3, 'l')).toBe(E.notcapable);
  });

  test('links that go round end', async () => {
    const puppet = await createPuppet();
    await puppet.path('path_symlink', 'b', 3, 'a');
    await puppet.path('path_symlink', 'a', 3, 'b');
    await expect(puppet.open('a')).rejects.toThrow(`errno ${E.loop}`);
    await puppet.path('path_symlink', 's/s', 3, 's');
    await expect(puppet.open('s')).rejects.toThrow(`errno ${E.loop}`);
  });

  test('32 links are followed, one more is not', async () => {
    const puppet = await createPuppet();
    await fill(puppet, 'l0', 'found');
    for (let link = 1; link <= 33; link += 1) {
      await puppet.path('path_symlink', `l${link - 1}`, 3, `l${link}`);
    }
    expect(await content(puppet, 'l32')).toBe('found');
    await expect(puppet.open('l33')).rejects.toThrow(`errno ${E.loop}`);
  });

  test('links lead through 4,096 segments, not through more', async () => {
    const puppet = await createPuppet();
    await fill(puppet, 'f', 'found');
    await puppet.path('path_create_directory', 3, 'd');
    // The path itself and its three links: 1 + 3 * (2 * 682 + 1) segments.
    for (const [link, next] of ['b', 'c', 'f'].entries()) {
      const target = `${'d/../'.repeat(682)}${next}`;
      const name = puppet.put(60_000, `${'abc'[link]}`);
      expect(await puppet.call('path_symlink', ...puppet.put(50_000, target), 3, ...name)).toBe(0);
    }
    expect(await content(puppet, 'a')).toBe('found');
    await expect(puppet.open('./a')).resolves.toBeGreaterThan(3);
    await expect(puppet.open('d/../a')).rejects.toThrow(`errno ${E.loop}`);
  });

  test('removing a link leaves what it leads to', async () => {
    const puppet = await createPuppet();
    await puppet.path('path_create_directory', 3, 'd');
    await puppet.path('path_symlink', 'd', 3, 'l');
    expect(await puppet.path('path_remove_directory', 3, 'l')).toBe(E.notdir);
    expect(await puppet.path('path_remove_directory', 3, 'l/')).toBe(E.notdir);
    expect(await puppet.path('path_unlink_file', 3, 'l')).toBe(0);
    expect(await names(puppet)).toEqual(['.', '..', 'd']);
  });
});

describe('a path in memory', () => {
  test('is walked at once: what changes afterwards does not matter', async () => {
    const root = createMemoryTree({ device: 4n, bytesMax: 1_000, nodesMax: 9, nowNs: () => 1n });
    root.createDirectory('d');
    root.createSymlink('l', 'd/../d/../f');
    root.createFile('f');
    const walking = walk(root, 'd/.././d/../l', 'follow');
    root.unlink('f');
    expect((await walking).node?.kind).toBe('file');
  });

  test('is listed at once', async () => {
    const puppet = await createPuppet();
    await fill(puppet, 'a', '');
    const listing = puppet.host.call('fd_readdir', 3, 10_000, 20_000, 0n, 100);
    puppet.root.unlink('a');
    expect(await listing).toBe(0);
    expect(puppet.u32(100)).toBe(3 * 24 + '.'.length + '..'.length + 'a'.length);
  });
});

describe('a mounted tree', () => {
  test('is shown by its name and is a world of its own', async () => {
    const tree = () =>
      createMemoryTree({ device: 4n, bytesMax: 1_000, nodesMax: 9, nowNs: () => 1n });
    const openPreopens = () => [{ name: '/', directory: mountTree(tree(), 'tmp', tree()) }];
    const puppet = await createPuppet({ openPreopens });
    await fill(puppet, 'tmp/f', 'x');
    expect(await content(puppet, 'tmp/../tmp/f')).toBe('x');
    expect(await names(puppet)).toEqual(['.', '..', 'tmp']);
    expect(await puppet.path('path_rename', 3, 'tmp/f', 3, 'f')).toBe(E.xdev);
    expect(await puppet.path('path_link', 3, 0, 'tmp/f', 3, 'f')).toBe(E.xdev);
    expect(await puppet.path('path_rename', 3, 'tmp', 3, 'f')).toBe(E.busy);
    expect(await puppet.path('path_remove_directory', 3, 'tmp')).toBe(E.busy);
    expect(await puppet.path('path_create_directory', 3, 'tmp')).toBe(E.exist);
  });
});
