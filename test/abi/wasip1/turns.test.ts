/** Every WASI hostcall with its dearest arguments: none does much between two looks. */
import { beforeEach, describe, expect, test } from 'vitest';
import { pieceBytes } from '../../../src/abi/steps.ts';
import { createWasip1Abi } from '../../../src/abi/wasip1.ts';
import type { SiteEntry } from '../../../src/capability/files/contract.ts';
import { defaultLimits } from '../../../src/config/config.ts';
import { World } from '../../support/abi-world.ts';
import { functionTypes } from '../../support/hostcall-faces.ts';
import { LookedAtHost } from '../../support/looked-at.ts';
import { StreamExchange } from '../objects/cgi/stream-exchange.ts';

const MIB = 1024 * 1024;
const N = 0x40;
const IOVS = 0x1000;
const DATA = MIB;
const SUBSCRIPTIONS = 40 * MIB;
const EVENTS = 41 * MIB;
const BUFFER = 44 * MIB;
const PATH = 0x8000;
const SHORT = 0x9100;
/** What a short hostcall may do: the engine looks after as much, or after eight of them. */
const shortMax = 65_536;
/** The site's folder, `/tmp`, and a file in it. */
const SITE = 3;
const TMP = 4;
const FILE = 5;
const ALL_RIGHTS = 0x3fff_ffffn;

type Args = readonly (number | bigint)[];

const path = [TMP, PATH, 4_096] as const;
const dearest: Readonly<Record<string, Args>> = {
  args_get: [BUFFER, BUFFER + MIB],
  args_sizes_get: [N, N + 8],
  environ_get: [BUFFER, BUFFER + MIB],
  environ_sizes_get: [N, N + 8],
  clock_res_get: [0, N],
  clock_time_get: [0, 0n, N],
  fd_advise: [FILE, 0n, 0n, 0],
  fd_allocate: [FILE, 0n, BigInt(8 * MIB)],
  fd_close: [FILE],
  fd_datasync: [FILE],
  fd_fdstat_get: [FILE, N],
  fd_fdstat_set_flags: [FILE, 0],
  fd_fdstat_set_rights: [FILE, 0n, 0n],
  fd_filestat_get: [FILE, N],
  fd_filestat_set_size: [FILE, BigInt(8 * MIB)],
  fd_filestat_set_times: [FILE, 0n, 0n, 10],
  fd_pread: [FILE, IOVS, 31, 0n, N],
  fd_prestat_get: [TMP, N],
  fd_prestat_dir_name: [TMP, N, 100],
  fd_pwrite: [FILE, IOVS, 8, 0n, N],
  fd_read: [0, IOVS, 31, N],
  fd_readdir: [SITE, BUFFER, 4 * MIB, 0n, N],
  fd_renumber: [FILE, FILE],
  fd_seek: [FILE, 0n, 2, N],
  fd_sync: [FILE],
  fd_tell: [FILE, N],
  fd_write: [1, IOVS, 31, N],
  path_create_directory: path,
  path_filestat_get: [TMP, 1, PATH, 4_096, BUFFER],
  path_filestat_set_times: [TMP, 1, PATH, 4_096, 0n, 0n, 10],
  path_link: [TMP, 1, PATH, 4_096, TMP, PATH, 4_096],
  path_open: [TMP, 1, PATH, 4_096, 0, 0n, 0n, 0, N],
  path_readlink: [TMP, PATH, 4_096, BUFFER, 8_192, N],
  path_remove_directory: path,
  path_rename: [TMP, PATH, 4_096, TMP, PATH, 4_096],
  path_symlink: [PATH, 4_096, TMP, SHORT, 1],
  path_unlink_file: path,
  poll_oneoff: [SUBSCRIPTIONS, EVENTS, 1_024, N],
  proc_exit: [0],
  proc_raise: [1],
  sched_yield: [],
  random_get: [BUFFER, MIB],
  sock_accept: [FILE, 0, N],
  sock_recv: [FILE, IOVS, 31, 0, N, N + 8],
  sock_send: [FILE, IOVS, 31, 0, N],
  sock_shutdown: [FILE, 0],
};

/** A site with one directory of 20,000 files. */
class LargeWorld extends World {
  override files = {
    stat: async () => ({ kind: 'directory', ...facts }) as const,
    list: async (): Promise<readonly SiteEntry[]> =>
      Array.from({ length: 20_000 }, (_, index) => ({ name: `file-${index}`, kind: 'file' })),
    open: async () => undefined,
  };
}

const facts = { inode: 1n, sizeBytes: 0n, modifiedNs: 0n, changedNs: 0n };

describe('what a hostcall does between two looks at the clock', () => {
  let host: LookedAtHost;

  beforeEach(async () => {
    host = new LookedAtHost(createWasip1Abi(defaultLimits), 'wasi_snapshot_preview1');
    const { bytes } = host;
    bytes.fill('a', DATA, DATA + 33 * MIB);
    bytes.write('content-type: text/plain\n\n', DATA);
    bytes.fill('a/', PATH, PATH + 4_096);
    bytes.write('file', SHORT + 16);
    for (let vector = 0; vector < 32; vector += 1) {
      bytes.writeUInt32LE(DATA + vector * MIB, IOVS + vector * 8);
      bytes.writeUInt32LE(MIB, IOVS + vector * 8 + 4);
    }
    const world = new LargeWorld();
    const environment = Array.from({ length: 300 }, (_, index) => [`V${index}`, 'v'.repeat(200)]);
    world.settings = {
      ...world.settings,
      environment: new Map(environment as [string, string][]),
    };
    const exchange = new StreamExchange({}, [bytes.subarray(DATA, DATA + 10 * MIB)]);
    host.begin({ exchange, capabilities: world, body: new Uint8Array(0) });
    const create = 1;
    await host.call('path_open', TMP, 1, SHORT + 16, 4, create, ALL_RIGHTS, ALL_RIGHTS, 0, N);
    expect(bytes.readUInt32LE(N)).toBe(FILE);
  });

  test('every hostcall has its dearest arguments here', () => {
    expect(Object.keys(dearest).toSorted()).toEqual([...functionTypes.keys()].toSorted());
  });

  test.each(Object.entries(dearest))('%s', async (name, args) => {
    const measured = await host.call(name, ...args).catch((error: Error) => {
      if (error.message.startsWith('exited')) return undefined;
      throw error;
    });
    const { mostAtOnce = 0 } = measured ?? {};
    expect(mostAtOnce).toBeLessThanOrEqual(pieceBytes * 1.5);
    if (!host.waits(name)) expect(mostAtOnce).toBeLessThanOrEqual(shortMax);
  });

  test('what is large is really done', async () => {
    const least: readonly (readonly [string, number])[] = [
      ['random_get', MIB],
      ['fd_write', 31 * MIB],
      ['fd_pwrite', 8 * MIB],
      ['fd_read', 250_000],
      ['fd_readdir', 600_000],
      ['environ_get', 60_000],
      ['poll_oneoff', 200_000],
    ];
    for (const [name, bytes] of least) {
      const { total, result } = await host.call(name, ...(dearest[name] ?? []));
      expect([name, result, total > bytes]).toEqual([name, 0, true]);
    }
  });
});
