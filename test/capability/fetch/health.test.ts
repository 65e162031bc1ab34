import { describe, expect, test } from 'vitest';
import type { Backend } from '../../../src/capability/fetch/contract.ts';
import type { FetchGrant } from '../../../src/capability/fetch/grant.ts';
import type { FolderKey } from '../../../src/names.ts';
import { useOutbound } from '../outbound-bench.ts';

const bench = useOutbound();

function plain(more: Partial<Backend> = {}): Backend {
  return { address: { isTls: false, host: '127.0.0.1', port: bench.server.port }, ...more };
}

function granted(backends: Readonly<Record<string, Backend>>): FetchGrant {
  return { outbound: undefined, backends: new Map(Object.entries(backends)) };
}

describe('health', () => {
  test('is what the folder says where nobody asks', () => {
    const { backends } = bench.openRun({}, granted({ ill: plain({ statedHealth: 'unhealthy' }) }));
    expect(backends.healthOf('ill')).toBe('unhealthy');
  });

  test('is asked once for runs that add the same back-end one after another', async () => {
    const outbound = bench.open();
    const health = { path: '/up', intervalMs: 3_600_000 };
    for (let run = 0; run < 5; run += 1) {
      const { backends } = outbound.forRun({ folderKey: '/a' as FolderKey, loopHops: 0 });
      backends.add('mine', plain({ health }));
      backends.healthOf('mine');
    }
    await expect.poll(() => bench.server.seen.length).toBe(1);
    const { backends } = outbound.forRun({ folderKey: '/a' as FolderKey, loopHops: 0 });
    backends.add('mine', plain({ health: { ...health, path: '/other' } }));
    backends.healthOf('mine');
    await expect.poll(() => bench.server.seen.length).toBe(2);
  });

  test('is what a back-end answers, as long as somebody wants to know', async () => {
    const health = { path: '/?bytes=1', method: 'GET', intervalMs: 50, window: 1, threshold: 1 };
    const well = plain({ health: { ...health, initial: 0 } });
    const ill = plain({ health: { ...health, initial: 1, expectedStatus: 503 } });
    const { backends } = bench.openRun({}, granted({ well, ill, unasked: plain() }));
    expect(backends.healthOf('unasked')).toBe('unknown');
    expect(backends.healthOf('nowhere')).toBe('unknown');
    expect(backends.healthOf('well')).toBe('unhealthy');
    expect(backends.healthOf('ill')).toBe('healthy');
    await expect.poll(() => backends.healthOf('well')).toBe('healthy');
    await expect.poll(() => backends.healthOf('ill')).toBe('unhealthy');
  });
});
