import { describe, expect, it } from 'vitest';
import { defaultLimits, type Mount } from '../../src/config/config.ts';
import { poolThreads } from '../../src/daemon/thread-pool.ts';

const mount: Mount = { prefix: '/keybase', directory: '/srv', watch: 'auto' };
const limits = { ...defaultLimits, fileOperationsPerMountMax: 16 };

describe('poolThreads()', () => {
  it('has room for every operation that hanging mounts can hold, and some to spare', () => {
    expect(poolThreads({ mounts: [], threads: 1, limits })).toBeGreaterThan(3 * 16);
    expect(poolThreads({ mounts: [mount, mount], threads: 4, limits })).toBeGreaterThan(2 * 6 * 16);
  });

  it('stays within what libuv takes', () => {
    const mounts = Array.from({ length: 100 }, () => mount);
    expect(poolThreads({ mounts, threads: 64, limits })).toBe(1_024);
  });
});
