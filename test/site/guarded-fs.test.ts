import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TerrafirmaError } from '../../src/errors.ts';
import {
  errnoOf,
  FileTooLargeError,
  GuardedFs,
  isPassing,
  isUnreachable,
} from '../../src/site/guarded-fs.ts';

const patient = { fileOperationTimeoutMs: 10_000, fileOperationsPerMountMax: 2 };
const hasty = { fileOperationTimeoutMs: 20, fileOperationsPerMountMax: 2 };

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guarded-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** An operation that ends when the test says so, as a call into a hanging mount would. */
function heldOperation<T>() {
  const { promise, resolve } = Promise.withResolvers<T>();
  const state = { started: 0 };
  const operation = {
    name: 'stat',
    path: '/mnt/x',
    start: () => {
      state.started += 1;
      return promise;
    },
  };
  return { operation, resolve, state };
}

describe('operations', () => {
  test('give what the file system gives', async () => {
    const fs = new GuardedFs(patient);
    const path = join(directory, 'a');
    await writeFile(path, 'hello');
    expect((await fs.stat(path)).size).toBe(5n);
    expect((await fs.lstat(path)).isFile()).toBe(true);
    const { bytes, before, after } = await fs.readFile(path, 5);
    expect(Buffer.from(bytes).toString()).toBe('hello');
    expect(before.mtimeNs).toBe(after.mtimeNs);
    expect(await fs.statfs(directory)).toHaveProperty('type');
  });

  test('pass the system’s errors through', async () => {
    const fs = new GuardedFs(patient);
    const error = await fs.stat(join(directory, 'none')).catch((reason: unknown) => reason);
    expect(errnoOf(error)).toBe('ENOENT');
    expect(isUnreachable(error)).toBe(false);
    expect(errnoOf(new TerrafirmaError('not-found'))).toBeUndefined();
  });

  test.each(['EMFILE', 'ENFILE'])('are overload, not absence, after %s', async (code) => {
    const start = () => Promise.reject(Object.assign(new Error(code), { code }));
    const fs = new GuardedFs(patient);
    const error = await fs
      .run({ name: 'open', path: '/secret', start })
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'overloaded',
      message: expect.not.stringMatching('secret'),
    });
    expect([isPassing(error), isUnreachable(error), errnoOf(error)]).toEqual([
      true,
      false,
      undefined,
    ]);
  });

  test('list no more entries than allowed', async () => {
    const fs = new GuardedFs(patient);
    for (const name of ['a', 'b', 'c']) await mkdir(join(directory, name));
    expect(await fs.readdir(directory, 3)).toMatchObject({ entries: { length: 3 }, isCut: false });
    expect(await fs.readdir(directory, 2)).toMatchObject({ entries: { length: 2 }, isCut: true });
  });

  test('do not read a file over its limit', async () => {
    const fs = new GuardedFs(patient);
    await writeFile(join(directory, 'a'), 'hello');
    await expect(fs.readFile(join(directory, 'a'), 4)).rejects.toThrow(FileTooLargeError);
  });

  test.skipIf(process.platform === 'win32')('are not blocked by a FIFO', async () => {
    const fs = new GuardedFs(patient);
    const path = join(directory, 'fifo');
    execFileSync('mkfifo', [path]);
    await expect(fs.readFile(path, 10)).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('the time limit', () => {
  test('gives up an operation that hangs, and its slot comes back with it', async () => {
    const fs = new GuardedFs(hasty);
    const held = heldOperation<number>();
    const failure = await fs.run(held.operation).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'folder-unreachable' });
    expect(isUnreachable(failure)).toBe(true);
    expect(fs.stuckOperations).toBe(1);
    held.resolve(1);
    await expect.poll(() => fs.stuckOperations).toBe(0);
  });

  test('discards what comes too late', async () => {
    const fs = new GuardedFs(hasty);
    const held = heldOperation<string>();
    const discarded: string[] = [];
    const discard = async (late: string): Promise<void> => {
      discarded.push(late);
    };
    await expect(fs.run({ ...held.operation, discard })).rejects.toThrow('no answer within 20 ms');
    held.resolve('handle');
    await expect.poll(() => discarded).toEqual(['handle']);
  });

  test('holds for closing too', async () => {
    const fs = new GuardedFs(hasty);
    await expect(fs.waitBriefly(new Promise(() => undefined))).resolves.toBeUndefined();
  });

  test('counts the waiting for a slot', async () => {
    const fs = new GuardedFs({ ...hasty, fileOperationsPerMountMax: 1 });
    const first = heldOperation<number>();
    const second = heldOperation<number>();
    const results = await Promise.allSettled([fs.run(first.operation), fs.run(second.operation)]);
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected']);
    expect(second.state.started).toBe(0);
    first.resolve(1);
    await expect.poll(() => fs.stuckOperations).toBe(0);
    second.resolve(2);
    expect(await fs.run(second.operation)).toBe(2);
  });
});

describe('the cap of a mount', () => {
  test('starts no more operations than allowed, and the next when one ends', async () => {
    const fs = new GuardedFs(patient);
    const held = [0, 1, 2].map(() => heldOperation<number>());
    const work = held.map(({ operation }) => fs.run(operation));
    expect(held.map(({ state }) => state.started)).toEqual([1, 1, 0]);
    held[0]?.resolve(0);
    await work[0];
    expect(held.map(({ state }) => state.started)).toEqual([1, 1, 1]);
    held[1]?.resolve(1);
    held[2]?.resolve(2);
    expect(await Promise.all(work)).toEqual([0, 1, 2]);
  });

  test('refuses at once while every slot hangs', async () => {
    const fs = new GuardedFs(hasty);
    const held = [0, 1].map(() => heldOperation<number>());
    await Promise.allSettled(held.map(({ operation }) => fs.run(operation)));
    await expect(fs.stat(directory)).rejects.toThrow('the mount hangs');
    for (const { resolve } of held) resolve(0);
    await expect.poll(() => fs.stuckOperations).toBe(0);
    expect((await fs.stat(directory)).isDirectory()).toBe(true);
  });

  test('refuses when too many operations wait', async () => {
    const fs = new GuardedFs({ ...patient, fileOperationsPerMountMax: 1 }, 1);
    const held = heldOperation<number>();
    const work = [fs.run(held.operation), fs.run(held.operation)];
    await expect(fs.run(held.operation)).rejects.toThrow('too many operations are waiting');
    held.resolve(1);
    expect(await Promise.all(work)).toEqual([1, 1]);
  });
});

test('an open file reads at a position, and can be closed twice', async () => {
  const fs = new GuardedFs(patient);
  await writeFile(join(directory, 'a'), 'hello');
  const file = await fs.open(join(directory, 'a'));
  const target = new Uint8Array(3);
  expect(await file.read(target, 2)).toBe(3);
  expect(Buffer.from(target).toString()).toBe('llo');
  await file.close();
  await file.close();
  await expect(file.stat()).rejects.toThrow();
});
