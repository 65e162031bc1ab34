import { describe, expect, test } from 'vitest';
import { defaultLimits, type Mount } from '../../../src/config/config.ts';
import { poolThreads } from '../../../src/outside/mount/libuv-pool.ts';
import { threadsPerGuard } from '../../../src/outside/mount/mount-guards.ts';

const mount: Mount = { prefix: '/keybase', directory: '/srv', watch: 'auto' };
const limits = { ...defaultLimits, fileOperationsPerMountMax: 8 };

describe('poolThreads()', () => {
  test('has room for all that hanging mounts can hold in every thread, and some to spare', () => {
    const folder = { mounts: [], threads: 1, limits };
    // The control plane and one serving thread.
    expect(poolThreads(folder)).toBeGreaterThan(2 * threadsPerGuard(folder));
    const config = { mounts: [mount, mount], threads: 4, limits };
    expect(threadsPerGuard(config)).toBe(3 * 8);
    expect(poolThreads(config)).toBeGreaterThan(2 * 5 * 24);
  });

  test('stays within what libuv takes, and gives each guard less', () => {
    const config = { mounts: [mount, mount], threads: 32, limits };
    expect(poolThreads(config)).toBeLessThanOrEqual(1_024);
    expect(threadsPerGuard(config)).toBeLessThan(3 * 8);
    expect(2 * 33 * threadsPerGuard(config)).toBeLessThan(poolThreads(config));
  });
});
