import { execFileSync } from 'node:child_process';
import type { Dir } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TerrafirmaError } from '../../../src/errors.ts';
import {
  errnoOf,
  FileTooLargeError,
  GuardedDirectory,
  isPassing,
  isUnreachable,
} from '../../../src/outside/mount/guarded-fs.ts';
import { guardedFs } from '../../support/guarded-fs.ts';

const patient = { fileOperationTimeoutMs: 10_000, fileOperationsPerMountMax: 2 };

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guarded-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('a directory', () => {
  /** Whose reads wait until `go`. */
  function heldDirectory() {
    const { promise: mayGo, resolve: go } = Promise.withResolvers<null>();
    const calls: string[] = [];
    const dir = {
      read: () => mayGo,
      close: async () => void calls.push('close'),
    };
    return { dir: dir as unknown as Dir, go: () => go(null), calls };
  }

  test('is closed behind a read that hangs, and nobody waits for that', async () => {
    const { dir, go, calls } = heldDirectory();
    const fs = guardedFs({ ...patient, fileOperationTimeoutMs: 600_000 });
    const held = new GuardedDirectory(fs, dir, directory);
    const reading = held.next();
    await held[Symbol.asyncDispose]();
    expect(calls).toEqual([]);
    go();
    await reading;
    await expect.poll(() => calls).toEqual(['close']);
  });

  test.each([0, 1, 255, 256, 257, 600])('of %i files is read whole', async (count) => {
    for (let file = 0; file < count; file += 1) await writeFile(join(directory, `${file}`), '');
    await using open = await guardedFs(patient).openDirectory(directory);
    const names: string[] = [];
    for (let batch = await open.next(); batch.length > 0; batch = await open.next()) {
      names.push(...batch.map(({ name }) => name));
    }
    expect(new Set(names).size).toBe(count);
    expect(await open.next()).toEqual([]);
  });

  test('is closed when that is over, where nothing hangs', async () => {
    const { dir, go, calls } = heldDirectory();
    go();
    const open = new GuardedDirectory(guardedFs(patient), dir, directory);
    expect(await open.next()).toEqual([]);
    await open[Symbol.asyncDispose]();
    expect(calls).toEqual(['close']);
  });
});

describe('operations', () => {
  test('give what the file system gives', async () => {
    const fs = guardedFs(patient);
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
    const fs = guardedFs(patient);
    const error = await fs.stat(join(directory, 'none')).catch((reason: unknown) => reason);
    expect(errnoOf(error)).toBe('ENOENT');
    expect(isUnreachable(error)).toBe(false);
    expect(errnoOf(new TerrafirmaError('not-found'))).toBeUndefined();
  });

  test.each(['EMFILE', 'ENFILE'])('are overload, not absence, after %s', async (code) => {
    const start = () => Promise.reject(Object.assign(new Error(code), { code }));
    const fs = guardedFs(patient);
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
    const fs = guardedFs(patient);
    for (const name of ['a', 'b', 'c']) await mkdir(join(directory, name));
    expect(await fs.readdir(directory, 3)).toMatchObject({ entries: { length: 3 }, isCut: false });
    expect(await fs.readdir(directory, 2)).toMatchObject({ entries: { length: 2 }, isCut: true });
  });

  test('do not read a file over its limit', async () => {
    const fs = guardedFs(patient);
    await writeFile(join(directory, 'a'), 'hello');
    await expect(fs.readFile(join(directory, 'a'), 4)).rejects.toThrow(FileTooLargeError);
  });

  test.skipIf(process.platform === 'win32')('are not blocked by a FIFO', async () => {
    const fs = guardedFs(patient);
    const path = join(directory, 'fifo');
    execFileSync('mkfifo', [path]);
    await expect(fs.readFile(path, 10)).rejects.toMatchObject({ code: 'not-found' });
  });
});

test('an open file reads at a position, and can be closed twice', async () => {
  const fs = guardedFs(patient);
  await writeFile(join(directory, 'a'), 'hello');
  const file = await fs.open(join(directory, 'a'));
  const target = new Uint8Array(3);
  expect(await file.read(target, 2)).toBe(3);
  expect(Buffer.from(target).toString()).toBe('llo');
  await file.close();
  await file.close();
  await expect(file.stat()).rejects.toThrow();
});
