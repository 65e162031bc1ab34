import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { OwnerKey } from '../../../src/names.ts';
import { isUnreachable } from '../../../src/outside/mount/guarded-fs.ts';
import { MountGuard } from '../../../src/outside/mount/mount-guard.ts';
import { MountTable } from '../../../src/outside/mount/mount-table.ts';

const ALICE = '/keybase/private/alice' as OwnerKey;
const MALLORY = '/keybase/private/mallory' as OwnerKey;

const patient = { fileOperationTimeoutMs: 10_000, fileOperationsPerMountMax: 8 };
const hasty = { fileOperationTimeoutMs: 20, fileOperationsPerMountMax: 8 };

/** An operation that ends when the test says so, as a call into a hanging mount would. */
function heldOperation(path: string) {
  const { promise, resolve } = Promise.withResolvers<string>();
  const state = { isStarted: false };
  const operation = {
    name: 'stat',
    path,
    start: () => {
      state.isStarted = true;
      return promise;
    },
  };
  return { operation, resolve: () => resolve(path), state };
}

function heldOperations(count: number, pathOf = (index: number) => `/mnt/${index}`) {
  return Array.from({ length: count }, (_, index) => heldOperation(pathOf(index)));
}

const quick = (path: string) => ({ name: 'stat', path, start: () => Promise.resolve(path) });

describe('the time limit', () => {
  test('gives up an operation that hangs, and forgets it when it returns', async () => {
    const guard = new MountGuard({ limits: hasty });
    const held = heldOperation('/mnt/x');
    const failure = await guard.run(ALICE, held.operation).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'folder-unreachable' });
    expect(isUnreachable(failure)).toBe(true);
    expect(guard.stuckOperations).toBe(1);
    held.resolve();
    await expect.poll(() => guard.stuckOperations).toBe(0);
    expect(guard.trackedEntries).toBe(0);
  });

  test('discards what comes too late', async () => {
    const guard = new MountGuard({ limits: hasty });
    const held = heldOperation('/mnt/x');
    const discarded: string[] = [];
    const discard = async (late: string): Promise<void> => {
      discarded.push(late);
    };
    const work = guard.run(ALICE, { ...held.operation, discard });
    await expect(work).rejects.toThrow('no answer within 20 ms');
    held.resolve();
    await expect.poll(() => discarded).toEqual(['/mnt/x']);
  });

  test('counts the waiting for a turn', async () => {
    const guard = new MountGuard({ limits: { ...hasty, fileOperationsPerMountMax: 2 } });
    const first = heldOperations(3, () => '/mnt/same');
    await Promise.allSettled(first.map(({ operation }) => guard.run(ALICE, operation)));
    // The second and the third waited behind the first, and would have hung as it does.
    expect(first.map(({ state }) => state.isStarted)).toEqual([true, false, false]);
    for (const { resolve } of first) resolve();
  });

  test('lets who gives a file back go, and gives it back when there is a turn', async () => {
    const guard = new MountGuard({ limits: hasty });
    const hanging = heldOperation('/mnt/x');
    await guard.run(ALICE, hanging.operation).catch(() => undefined);
    const others = heldOperations(1, () => '/mnt/x');
    const state = { isClosed: false };
    const close = { name: 'close', path: '/mnt/x', isPatient: true };
    const start = async (): Promise<void> => {
      state.isClosed = true;
    };
    await expect(guard.run(ALICE, { ...close, start })).rejects.toThrow('later');
    expect(state.isClosed).toBe(false);
    await expect(guard.run(ALICE, others[0]?.operation ?? quick('/'))).rejects.toThrow('it hangs');
    hanging.resolve();
    await expect.poll(() => state.isClosed).toBe(true);
    await expect.poll(() => guard.trackedEntries).toBe(0);
  });
});

describe('shares', () => {
  test('an owner has half of what may be in flight', async () => {
    const guard = new MountGuard({ limits: patient });
    const held = heldOperations(6);
    const work = held.map(({ operation }) => guard.run(ALICE, operation));
    expect(held.filter(({ state }) => state.isStarted)).toHaveLength(4);
    expect(await guard.run(MALLORY, quick('/mnt/m'))).toBe('/mnt/m');
    for (const { resolve } of held) resolve();
    expect(await Promise.all(work)).toHaveLength(6);
    expect(guard.trackedEntries).toBe(0);
  });

  test('what waits is served by owner in turn', async () => {
    const limits = { ...patient, fileOperationsPerMountMax: 2 };
    const guard = new MountGuard({ limits });
    const order: OwnerKey[] = [];
    const note = (owner: OwnerKey, path: string) => ({
      name: 'stat',
      path,
      start: async () => order.push(owner),
    });
    const [first, second] = [heldOperation('/mnt/a'), heldOperation('/mnt/b')];
    const held = [guard.run(ALICE, first.operation), guard.run(MALLORY, second.operation)];
    const many = Array.from({ length: 50 }, (_, index) =>
      guard.run(MALLORY, note(MALLORY, `/mnt/${index}`)),
    );
    const few = [1, 2].map((index) => guard.run(ALICE, note(ALICE, `/mnt/alice-${index}`)));
    first.resolve();
    second.resolve();
    await Promise.all([...held, ...many, ...few]);
    // Alice's two are among the first four, not behind Mallory's fifty.
    expect(order.slice(0, 4).filter((owner) => owner === ALICE)).toHaveLength(2);
  });

  test('several owners who fill the queue leave room in it', async () => {
    const guard = new MountGuard({ limits: patient, queuedMax: 64 });
    const greedy = [1, 2, 3].map((number) => `/mnt/mallory${number}` as OwnerKey);
    const held = greedy.map((owner) => ({ owner, operations: heldOperations(50) }));
    const work = held.flatMap(({ owner, operations }) =>
      operations.map(({ operation }) => guard.run(owner, operation).catch(() => 'refused')),
    );
    const alices = guard.run(ALICE, quick('/mnt/alice'));
    for (const { operations } of held) for (const { resolve } of operations) resolve();
    expect(await alices).toBe('/mnt/alice');
    expect((await Promise.all(work)).filter((end) => end === 'refused').length).toBeGreaterThan(30);
  });

  test('too many that wait are refused, of that owner alone', async () => {
    const guard = new MountGuard({ limits: patient, queuedPerOwnerMax: 2 });
    const held = heldOperations(6);
    const work = held.map(({ operation }) => guard.run(MALLORY, operation));
    const refused = guard.run(MALLORY, quick('/mnt/more'));
    await expect(refused).rejects.toThrow('too many operations are waiting');
    expect(await guard.run(ALICE, quick('/mnt/alice'))).toBe('/mnt/alice');
    for (const { resolve } of held) resolve();
    await Promise.all(work);
  });
});

describe('what hangs', () => {
  test('costs one file first: the rest of the folder goes on', async () => {
    const guard = new MountGuard({ limits: hasty });
    const held = heldOperations(40, () => '/mnt/stuck');
    const work = held.map(({ operation }) => guard.run(ALICE, operation));
    expect(await guard.run(MALLORY, quick('/mnt/mallory'))).toBe('/mnt/mallory');
    const results = await Promise.allSettled(work);
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    expect(held.filter(({ state }) => state.isStarted)).toHaveLength(4);
    await expect(guard.run(ALICE, quick('/mnt/stuck'))).rejects.toThrow('it hangs');
    expect(await guard.run(ALICE, quick('/mnt/page.html'))).toBe('/mnt/page.html');
    for (const { resolve } of held) resolve();
    await expect.poll(() => guard.stuckOperations).toBe(0);
    expect(await guard.run(ALICE, quick('/mnt/stuck'))).toBe('/mnt/stuck');
  });

  test('costs its owner next, and nobody else', async () => {
    const guard = new MountGuard({ limits: hasty, threadsMax: 40 });
    const held = heldOperations(40);
    await Promise.allSettled(held.map(({ operation }) => guard.run(MALLORY, operation)));
    expect(guard.stuckOperations).toBe(8);
    await expect(guard.run(MALLORY, quick('/mnt/y'))).rejects.toThrow('the folder hangs');
    expect(await guard.run(ALICE, quick('/mnt/alice'))).toBe('/mnt/alice');
    for (const { resolve } of held) resolve();
    await expect.poll(() => guard.stuckOperations).toBe(0);
    expect(await guard.run(MALLORY, quick('/mnt/y'))).toBe('/mnt/y');
  });

  test('holds no more threads than the mount may have', async () => {
    const guard = new MountGuard({ limits: hasty, threadsMax: 20 });
    const held = [0, 1, 2, 3].map((owner) => ({
      owner: `/keybase/private/m${owner}` as OwnerKey,
      operations: heldOperations(10, (index) => `/mnt/${owner}/${index}`),
    }));
    await Promise.allSettled(
      held.flatMap(({ owner, operations }) =>
        operations.map(({ operation }) => guard.run(owner, operation)),
      ),
    );
    expect(guard.stuckOperations).toBeGreaterThanOrEqual(12);
    expect(guard.stuckOperations).toBeLessThanOrEqual(20);
    await expect(guard.run(ALICE, quick('/mnt/alice'))).rejects.toThrow('the mount hangs');
    for (const { resolve } of held.flatMap(({ operations }) => operations)) resolve();
    await expect.poll(() => guard.stuckOperations).toBe(0);
    expect(await guard.run(ALICE, quick('/mnt/alice'))).toBe('/mnt/alice');
    expect(guard.trackedEntries).toBe(0);
  });
});

describe('a mount that is mounted anew', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mounts-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  test('is used at once, whatever hangs in the old one', async () => {
    const file = join(directory, 'mountinfo');
    const local = '22 1 8:1 / / rw - ext4 /dev/sda1 rw';
    await writeFile(file, `${local}\n36 22 0:49 / /keybase rw - fuse kbfs rw\n`);
    let nowMs = 0;
    const mountTable = new MountTable({ file, nowMs: () => nowMs });
    const guard = new MountGuard({ limits: hasty, mountTable, threadsMax: 40 });
    const held = heldOperations(40);
    await Promise.allSettled(held.map(({ operation }) => guard.run(ALICE, operation)));

    nowMs += 10_000;
    await writeFile(
      file,
      `23 1 8:2 / /new rw - ext4 /dev/sdb1 rw\n${await readFile(file, 'utf8')}`,
    );
    await expect(guard.run(ALICE, quick('/mnt/y'))).rejects.toThrow('the folder hangs');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(guard.lostOperations).toBe(0);

    nowMs += 10_000;
    await writeFile(file, `${local}\n36 22 0:50 / /keybase rw - fuse kbfs rw\n`);
    await expect(guard.run(ALICE, quick('/mnt/y'))).rejects.toThrow('the folder hangs');
    await expect.poll(() => guard.lostOperations).toBe(8);
    expect(guard.stuckOperations).toBe(0);
    expect(await guard.run(ALICE, quick('/mnt/y'))).toBe('/mnt/y');

    for (const { resolve } of held) resolve();
    await expect.poll(() => guard.lostOperations).toBe(0);
    expect(guard.trackedEntries).toBe(0);
  });
});
