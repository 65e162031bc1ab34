/** `/data`: files that last, over the real store. Two puppets are two runs of one module. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DataTree } from '../../../src/abi/objects/files/data-tree.ts';
import { createMemoryTree } from '../../../src/abi/objects/files/memory-tree.ts';
import { KeyValueClient } from '../../../src/capability/kv/client.ts';
import type { KeyValueStore } from '../../../src/capability/kv/contract.ts';
import { defaultLimits, type Limits } from '../../../src/config/config.ts';
import type { FolderKey, ModulePath } from '../../../src/names.ts';
import { DirectStore } from '../../../src/outside/store/direct-store.ts';
import { openBlobs } from '../../../src/outside/store/open.ts';
import { storePath } from '../../../src/outside/store/sqlite-schema.ts';
import { parseSettings } from '../../../src/site/settings.ts';
import { createPuppet, type Puppet } from './puppet.ts';

const modulePath = 'app.wasm' as ModulePath;
const settings = parseSettings(Buffer.from('["app.wasm"]\ndata = true\n'), 1_000);
const create = { oflags: 1 };
const truncate = { oflags: 9 };
const exclusive = { oflags: 5 };
const append = { oflags: 1, fdflags: 1 };
const e = { exist: 20, fbig: 22, io: 29, isdir: 31, noent: 44, nospc: 51, notdir: 54 };
const more = { notempty: 55, perm: 63, xdev: 75, inval: 28, nametoolong: 37 };

interface DataRun {
  readonly puppet: Puppet;
  readonly tree: DataTree;
}

let directory: string;
const opened: DirectStore[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'terrafirma-data-'));
});

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  rmSync(directory, { recursive: true });
});

function openStore(limits: Partial<Limits>): KeyValueStore {
  const all = { ...defaultLimits, ...limits };
  const store = DirectStore.open({
    ...{ databasePath: storePath(directory), synchronous: 'normal', limits: all },
    ...{ blobs: openBlobs(directory), nowMs: Date.now },
  });
  opened.push(store);
  const client = new KeyValueClient({ store, limits: all });
  const folderKey = '/keybase/public/alice' as FolderKey;
  const { data } = client.forRun({ folderKey, modulePath, siteSettings: settings });
  if (data === undefined) throw new Error('no /data');
  return data;
}

async function openRun(limits: Partial<Limits> = {}, bytesMax = 1_000_000): Promise<DataRun> {
  const all = { ...defaultLimits, ...limits };
  const tree = new DataTree({
    store: openStore(limits),
    device: 3n,
    fileBytesMax: all.kvValueBytesMax,
    bytesMax,
    pathBytesMax: all.kvKeyBytesMax,
    nowNs: () => 1_700_000_000_000_000_000n,
  });
  const puppet = await createPuppet({
    openPreopens: () => [{ name: '/data', directory: tree.root }],
  });
  return { puppet, tree };
}

async function write(puppet: Puppet, path: string, text: string, how = truncate): Promise<number> {
  const fd = await puppet.open(path, how);
  expect(await puppet.write(fd, text)).toBe(0);
  return fd;
}

async function store(puppet: Puppet, path: string, text: string, how = truncate): Promise<void> {
  expect(await puppet.call('fd_close', await write(puppet, path, text, how))).toBe(0);
}

async function content(puppet: Puppet, path: string): Promise<string> {
  const fd = await puppet.open(path, { rights: 2n });
  const text = await puppet.read(fd);
  await puppet.call('fd_close', fd);
  return text;
}

/** What the next run finds. */
async function found(path: string): Promise<string> {
  return content((await openRun()).puppet, path).catch((error: Error) => error.message);
}

function rename(puppet: Puppet, from: string, to: string): Promise<number> {
  const names = [puppet.put(50_000, from), puppet.put(51_000, to)] as const;
  return puppet.call('path_rename', 3, ...names[0], 3, ...names[1]);
}

function onPath(puppet: Puppet, name: string, path: string): Promise<number> {
  return puppet.call(name, 3, ...puppet.put(50_000, path));
}

async function list(puppet: Puppet, path?: string): Promise<readonly string[]> {
  const fd = path === undefined ? 3 : await puppet.openDirectory(path);
  expect(await puppet.call('fd_readdir', fd, 10_000, 20_000, 0n, 100)).toBe(0);
  const names: string[] = [];
  for (let at = 10_000; at < 10_000 + puppet.u32(100); ) {
    const length = puppet.u32(at + 16);
    const mark = puppet.bytes[at + 20] === 3 ? '/' : '';
    names.push(puppet.text(at + 24, length) + mark);
    at += 24 + length;
  }
  return names.slice(2);
}

describe('/data', () => {
  test('what is closed is there in the next run, with its size and time', async () => {
    const { puppet } = await openRun();
    await store(puppet, 'a', 'hello');
    const next = (await openRun()).puppet;
    expect(await content(next, 'a')).toBe('hello');
    expect(await next.call('path_filestat_get', 3, 0, ...next.put(50_000, 'a'), 200)).toBe(0);
    expect(next.bytes[216]).toBe(4);
    expect(next.u64(232)).toBe(5n);
    expect(next.u64(248)).toBe(1_700_000_000_000_000_000n);
  });

  test('what is not closed is seen by its own run alone, until it is synced', async () => {
    const { puppet } = await openRun();
    const fd = await write(puppet, 'a', 'half');
    expect(await content(puppet, 'a')).toBe('half');
    expect(await found('a')).toBe(`errno ${e.noent}`);
    expect(await puppet.call('fd_sync', fd)).toBe(0);
    expect(await found('a')).toBe('half');
    await puppet.write(fd, ' and half');
    expect(await found('a')).toBe('half');
    expect(await puppet.call('fd_close', fd)).toBe(0);
    expect(await found('a')).toBe('half and half');
  });

  test('a program that ends well may leave its files open', async () => {
    const { puppet, tree } = await openRun();
    expect(tree.saveAll()).toBeUndefined();
    await write(puppet, 'a', 'left');
    expect(await found('a')).toBe(`errno ${e.noent}`);
    await tree.saveAll();
    expect(await found('a')).toBe('left');
  });

  test('of two that write at once the last to close wins whole', async () => {
    const [one, two] = [(await openRun()).puppet, (await openRun()).puppet];
    await store(one, 'a', 'before');
    const first = await write(one, 'a', '1'.repeat(100));
    const second = await write(two, 'a', '2'.repeat(50));
    await puppetWrite(one, first, '1'.repeat(100));
    expect(await found('a')).toBe('before');
    await one.call('fd_close', first);
    expect(await found('a')).toBe('1'.repeat(200));
    await two.call('fd_close', second);
    expect(await found('a')).toBe('2'.repeat(50));
  });

  test('O_TRUNC, O_APPEND, O_EXCL', async () => {
    const { puppet } = await openRun();
    await store(puppet, 'a', 'one');
    await store(puppet, 'a', ' two', append);
    expect(await found('a')).toBe('one two');
    await store(puppet, 'a', 'X', create);
    expect(await found('a')).toBe('Xne two');
    await store(puppet, 'a', 'new');
    expect(await found('a')).toBe('new');
    await expect(puppet.open('a', exclusive)).rejects.toThrow(`errno ${e.exist}`);
    // The name is taken at once, also for other runs.
    await puppet.open('lock', exclusive);
    const other = (await openRun()).puppet;
    await expect(other.open('lock', exclusive)).rejects.toThrow(`errno ${e.exist}`);
  });

  test('a renaming replaces whole, also of a file that is open', async () => {
    const { puppet } = await openRun();
    await store(puppet, 'a', 'old');
    await store(puppet, 'a.tmp', 'new');
    expect(await rename(puppet, 'a.tmp', 'a')).toBe(0);
    expect([await found('a'), await found('a.tmp')]).toEqual(['new', `errno ${e.noent}`]);
    const fd = await write(puppet, 'b.tmp', 'first');
    expect(await rename(puppet, 'b.tmp', 'b')).toBe(0);
    expect(await found('b')).toBe('first');
    await puppetWrite(puppet, fd, ' more');
    await puppet.call('fd_close', fd);
    expect([await found('b'), await found('b.tmp')]).toEqual(['first more', `errno ${e.noent}`]);
    expect(await rename(puppet, 'none', 'b')).toBe(e.noent);
  });

  test('an unlinked file goes on while it is open, and is stored no more', async () => {
    const { puppet } = await openRun();
    await store(puppet, 'a', 'old');
    const fd = await puppet.open('a');
    expect(await onPath(puppet, 'path_unlink_file', 'a')).toBe(0);
    expect(await found('a')).toBe(`errno ${e.noent}`);
    expect(await puppet.read(fd)).toBe('old');
    await puppetWrite(puppet, fd, 'x');
    expect(await puppet.call('fd_close', fd)).toBe(0);
    expect(await found('a')).toBe(`errno ${e.noent}`);
    expect(await onPath(puppet, 'path_unlink_file', 'a')).toBe(e.noent);
  });

  test('directories are made, listed, moved and removed', async () => {
    const { puppet } = await openRun();
    expect(await onPath(puppet, 'path_create_directory', 'd')).toBe(0);
    expect(await onPath(puppet, 'path_create_directory', 'd')).toBe(e.exist);
    await expect(puppet.open('none/a', create)).rejects.toThrow(`errno ${e.noent}`);
    expect(await onPath(puppet, 'path_create_directory', 'd/e')).toBe(0);
    await store(puppet, 'd/e/f', 'deep');
    await store(puppet, 'd/g', 'flat');
    await store(puppet, 'd.txt', 'beside');
    const open = await write(puppet, 'd/new', 'not stored');
    expect(await list(puppet)).toEqual(['d.txt', 'd/']);
    expect(await list(puppet, 'd')).toEqual(['e/', 'g', 'new']);
    expect(await onPath(puppet, 'path_remove_directory', 'd')).toBe(more.notempty);
    expect(await onPath(puppet, 'path_unlink_file', 'd')).toBe(e.isdir);
    expect(await onPath(puppet, 'path_remove_directory', 'd.txt')).toBe(e.notdir);
    expect(await rename(puppet, 'd', 'd/e/d')).toBe(more.inval);
    expect(await rename(puppet, 'd', 'moved')).toBe(0);
    await puppet.call('fd_close', open);
    const next = (await openRun()).puppet;
    expect(await list(next)).toEqual(['d.txt', 'moved/']);
    expect(await list(next, 'moved')).toEqual(['e/', 'g', 'new']);
    expect(await content(next, 'moved/e/f')).toBe('deep');
    for (const path of ['moved/g', 'moved/new', 'moved/e/f']) {
      expect(await onPath(next, 'path_unlink_file', path)).toBe(0);
    }
    expect(await onPath(next, 'path_remove_directory', 'moved/e')).toBe(0);
    expect(await list(next, 'moved')).toEqual([]);
    expect(await onPath(next, 'path_remove_directory', 'moved')).toBe(0);
    expect(await list(next)).toEqual(['d.txt']);
  });

  test('a listing of many, in several pages, names each once', async () => {
    const { puppet } = await openRun({ kvOperationsPerRunMax: 10_000 });
    await onPath(puppet, 'path_create_directory', 'many');
    for (let n = 0; n < 1_100; n += 1) await store(puppet, `many/${n}`, '');
    await store(puppet, 'z', '');
    expect(await list(puppet)).toEqual(['many/', 'z']);
    const { tree } = await openRun();
    const many = await tree.root.lookup('many');
    const listed = many?.kind === 'directory' ? await many.list() : [];
    expect(new Set(listed.map(({ name }) => name)).size).toBe(1_100);
    expect(await rename(puppet, 'many', 'moved')).toBe(more.xdev);
    expect(await found('many/7')).toBe('');
  });

  test('no links; times are kept', async () => {
    const { puppet } = await openRun();
    await store(puppet, 'a', 'x');
    const link = [...puppet.put(50_000, 'a'), 3, ...puppet.put(51_000, 'b')] as const;
    expect(await puppet.call('path_symlink', ...link)).toBe(more.perm);
    expect(await puppet.call('path_link', 3, 0, ...link)).toBe(more.perm);
    const times = [0n, 42n, 4] as const;
    const path = puppet.put(50_000, 'a');
    expect(await puppet.call('path_filestat_set_times', 3, 0, ...path, ...times)).toBe(0);
    const next = (await openRun()).puppet;
    await next.call('path_filestat_get', 3, 0, ...next.put(50_000, 'a'), 200);
    expect(next.u64(248)).toBe(42n);
  });
});

describe('limits of /data', () => {
  test('a file of more than a value is fbig, and stays as it was', async () => {
    const { puppet } = await openRun({ kvValueBytesMax: 100 });
    await store(puppet, 'a', 'x'.repeat(100));
    const fd = await puppet.open('a', { fdflags: 1 });
    expect(await puppet.write(fd, 'y')).toBe(e.fbig);
    expect(await puppet.call('fd_filestat_set_size', fd, 101n)).toBe(e.fbig);
    expect(await puppet.call('fd_close', fd)).toBe(0);
    expect(await found('a')).toBe('x'.repeat(100));
  });

  test('more than a store holds is nospc when it is closed, and what was there stays', async () => {
    const { puppet } = await openRun({ kvNamespaceBytesMax: 100 });
    await store(puppet, 'a', 'old');
    const fd = await write(puppet, 'a', 'x'.repeat(200));
    expect(await puppet.call('fd_close', fd)).toBe(e.nospc);
    expect(await found('a')).toBe('old');
  });

  test('more files than a store holds, more memory than a run may have, long paths', async () => {
    const { puppet } = await openRun({ kvNamespaceKeysMax: 1, kvKeyBytesMax: 20 }, 100);
    await store(puppet, 'a', '1');
    expect(await puppet.call('fd_close', await write(puppet, 'b', '2'))).toBe(e.nospc);
    const fd = await puppet.open('a');
    expect(await puppet.write(fd, 'x'.repeat(101))).toBe(e.nospc);
    await puppet.call('fd_close', fd);
    await expect(puppet.open('p'.repeat(20), create)).rejects.toThrow(`errno ${more.nametoolong}`);
  });

  test('operations of a run are counted, also those of files', async () => {
    const { puppet } = await openRun({ kvOperationsPerRunMax: 6 });
    await store(puppet, 'a', '1');
    await expect(
      Promise.all(Array.from({ length: 6 }, () => content(puppet, 'a'))),
    ).rejects.toThrow(`errno ${e.nospc}`);
  });

  test('a store that is gone is io, and nothing of it is half', async () => {
    const { puppet } = await openRun();
    const fd = await write(puppet, 'a', 'x');
    await opened[0]?.close();
    expect(await puppet.call('fd_close', fd)).toBe(e.io);
    expect(await found('a')).toBe(`errno ${e.noent}`);
  });
});

test('a renaming into another tree is refused', async () => {
  const { tree } = await openRun();
  const other = createMemoryTree({ device: 9n, bytesMax: 1, nodesMax: 9, nowNs: () => 0n });
  await tree.root.createDirectory('d');
  await expect(tree.root.rename('d', other, 'd')).rejects.toMatchObject({ errno: more.xdev });
});

async function puppetWrite(puppet: Puppet, fd: number, text: string): Promise<void> {
  expect(await puppet.write(fd, text)).toBe(0);
}
