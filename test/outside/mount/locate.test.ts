import { mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Mount } from '../../../src/config/config.ts';
import { parseFolderPath } from '../../../src/names.ts';
import { Locator } from '../../../src/outside/mount/locate.ts';
import { MountGuards } from '../../../src/outside/mount/mount-guards.ts';

const limits = { fileOperationTimeoutMs: 5_000, fileOperationsPerMountMax: 4 };

let base: string;
beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'locate-')));
});
afterEach(() => rm(base, { recursive: true }));

function mountAt(prefix: string, name: string): Mount {
  return { prefix, directory: join(base, name), watch: 'poll' };
}

function locatorOf(mounts: readonly Mount[], botUser?: string): Locator {
  return new Locator({ mounts, botUser, guards: new MountGuards(limits) });
}

async function makeDirectory(...segments: string[]): Promise<string> {
  const directory = join(base, ...segments);
  await mkdir(directory, { recursive: true });
  return directory;
}

async function makeFile(...segments: string[]): Promise<void> {
  const path = join(base, ...segments);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, '{}');
}

async function locate(locator: Locator, record: string): Promise<string> {
  return (await locator.locate(parseFolderPath(record))).directory;
}

async function codeOf(locator: Locator, record: string): Promise<unknown> {
  return locator.locate(parseFolderPath(record)).then(
    (folder) => folder.directory,
    (error: { code?: unknown }) => error.code,
  );
}

describe('the directory of a record', () => {
  test('is below the mount, with the canonical key', async () => {
    const directory = await makeDirectory('kb', 'private', 'alice,bot', 'site');
    const mount = mountAt('/keybase', 'kb');
    const path = parseFolderPath('/keybase/private/Bot,alice/site/');
    expect(await locatorOf([mount]).locate(path)).toEqual({
      key: '/keybase/private/alice,bot/site',
      directory,
      mount,
      signs: [directory, dirname(directory)],
    });
  });

  test('is found under any spelling of the members', async () => {
    const directory = await makeDirectory('kb', 'private', 'zoe,alice#reader');
    const locator = locatorOf([mountAt('/keybase', 'kb')]);
    expect(await locate(locator, '/keybase/private/alice,zoe#reader')).toBe(directory);
    expect(await locate(locator, '/keybase/private/ZOE,alice#reader')).toBe(directory);
    expect(await codeOf(locator, '/keybase/private/alice,zoe')).toBe('folder-not-found');
  });

  test('is the same for every spelling when two spellings exist', async () => {
    const canonical = await makeDirectory('kb', 'private', 'alice,bob');
    await makeDirectory('kb', 'private', 'bob,alice');
    const locator = locatorOf([mountAt('/keybase', 'kb')]);
    expect(await locate(locator, '/keybase/private/bob,alice')).toBe(canonical);
    expect(await locate(locator, '/keybase/private/alice,bob')).toBe(canonical);
  });

  test('is under the mount with the longest prefix', async () => {
    await makeDirectory('kb', 'team', 'acme');
    const acme = await makeDirectory('acme');
    const other = await makeDirectory('kb', 'team', 'other');
    const private_ = await makeDirectory('mine', 'alice,bob', 'x');
    const locator = locatorOf([
      mountAt('/keybase', 'kb'),
      mountAt('/keybase/team/acme', 'acme'),
      mountAt('/keybase/private', 'mine'),
    ]);
    expect(await locate(locator, '/keybase/team/ACME')).toBe(acme);
    expect(await locate(locator, '/keybase/team/other')).toBe(other);
    expect(await locate(locator, '/keybase/private/bob,alice/x')).toBe(private_);
  });

  test('is found when the mount names one TLF in another spelling', async () => {
    const directory = await makeDirectory('ab', 'x');
    const locator = locatorOf([mountAt('/keybase/private/bob,alice', 'ab')]);
    expect(await locate(locator, '/keybase/private/alice,bob/x')).toBe(directory);
  });

  test('is an ordinary path under a prefix of its own', async () => {
    const directory = await makeDirectory('srv', 'alice,bot', 'www');
    const locator = locatorOf([mountAt('/shared', 'srv')]);
    expect(await locate(locator, '/shared/alice,bot/www')).toBe(directory);
    expect(await codeOf(locator, '/shared/bot,alice/www')).toBe('folder-not-found');
    expect(await codeOf(locator, '/keybase/private/alice')).toBe('folder-not-found');
  });

  test('is found behind the links of a redirector', async () => {
    const directory = await makeDirectory('real', 'private', 'alice');
    await makeDirectory('kb');
    await symlink(join(base, 'real', 'private'), join(base, 'kb', 'private'));
    const locator = locatorOf([mountAt('/keybase', 'kb')]);
    expect(await locate(locator, '/keybase/private/alice')).toBe(directory);
  });
});

describe('a folder is not found', () => {
  test('when it is missing, a file, or named by nobody here', async () => {
    await makeDirectory('kb', 'private', 'alice');
    await makeFile('kb', 'private', 'alice', 'file');
    const locator = locatorOf([mountAt('/keybase', 'kb')]);
    expect(await codeOf(locator, '/keybase/private/alice/no')).toBe('folder-not-found');
    expect(await codeOf(locator, '/keybase/private/alice/file')).toBe('folder-not-found');
    expect(await codeOf(locator, '/keybase/private/alice/file/x')).toBe('folder-not-found');
    expect(await codeOf(locator, '/keybase/private/bob')).toBe('folder-not-found');
    expect(await codeOf(locator, '/keybase/team/acme')).toBe('folder-not-found');
    expect(await codeOf(locatorOf([]), '/keybase/private/alice')).toBe('folder-not-found');
  });

  test('when a link leads out of its TLF', async () => {
    await makeDirectory('kb', 'private', 'mallory', 'inside');
    await makeDirectory('kb', 'private', 'alice', 'secret');
    await makeDirectory('outside');
    const mallory = join(base, 'kb', 'private', 'mallory');
    await symlink('../alice/secret', join(mallory, 'stolen'));
    await symlink(join(base, 'outside'), join(mallory, 'out'));
    await symlink('inside', join(mallory, 'alias'));
    await symlink('loop', join(mallory, 'loop'));
    const locator = locatorOf([mountAt('/keybase', 'kb')]);
    expect(await codeOf(locator, '/keybase/private/mallory/stolen')).toBe('folder-not-found');
    expect(await codeOf(locator, '/keybase/private/mallory/out')).toBe('folder-not-found');
    expect(await codeOf(locator, '/keybase/private/mallory/loop')).toBe('folder-not-found');
    expect(await locate(locator, '/keybase/private/mallory/alias')).toBe(join(mallory, 'inside'));
  });

  test('when the TLF itself is a link out of the mount', async () => {
    await makeDirectory('kb', 'private', 'alice');
    await makeDirectory('outside');
    await symlink(join(base, 'outside'), join(base, 'kb', 'private', 'mallory'));
    await symlink('.', join(base, 'kb', 'private', 'zed'));
    const locator = locatorOf([mountAt('/keybase', 'kb')]);
    expect(await codeOf(locator, '/keybase/private/mallory')).toBe('folder-not-found');
    expect(await codeOf(locator, '/keybase/private/zed')).toBe('folder-not-found');
  });

  test('when it is private and the bot is not among its members', async () => {
    await makeDirectory('kb', 'private', 'alice');
    const writer = await makeDirectory('kb', 'private', 'alice,kbwasm');
    const reader = await makeDirectory('kb', 'private', 'alice#kbwasm');
    const team = await makeDirectory('kb', 'team', 'acme');
    const locator = locatorOf([mountAt('/keybase', 'kb')], 'KBwasm');
    expect(await codeOf(locator, '/keybase/private/alice')).toBe('folder-not-found');
    expect(await locate(locator, '/keybase/private/alice,kbwasm')).toBe(writer);
    expect(await locate(locator, '/keybase/private/alice#kbwasm')).toBe(reader);
    expect(await locate(locator, '/keybase/team/acme')).toBe(team);
  });
});

describe('a folder is forbidden', () => {
  test('below a directory that has its own .kbp_config, the TLF root included', async () => {
    await makeFile('kb', 'private', 'alice', '.kbp_config');
    await makeDirectory('kb', 'private', 'alice', 'secret');
    await makeFile('kb', 'private', 'bob', 'a', '.kbp_config');
    await makeDirectory('kb', 'private', 'bob', 'a', 'b', 'c');
    const locator = locatorOf([mountAt('/keybase', 'kb')]);
    expect(await codeOf(locator, '/keybase/private/alice/secret')).toBe('folder-forbidden');
    expect(await codeOf(locator, '/keybase/private/bob/a/b/c')).toBe('folder-forbidden');
    const own = join(base, 'kb', 'private', 'bob', 'a');
    expect(await locate(locator, '/keybase/private/bob/a')).toBe(own);
  });

  test('below a directory that has its own terrafirma.toml', async () => {
    await makeFile('kb', 'private', 'carol', 'terrafirma.toml');
    await makeDirectory('kb', 'private', 'carol', 'lib');
    const locator = locatorOf([mountAt('/keybase', 'kb')]);
    expect(await codeOf(locator, '/keybase/private/carol/lib')).toBe('folder-forbidden');
    const own = join(base, 'kb', 'private', 'carol');
    expect(await locate(locator, '/keybase/private/carol')).toBe(own);
  });

  test('when a link inside the TLF leads below such a directory', async () => {
    await makeFile('kb', 'private', 'bob', 'a', '.kbp_config');
    await makeDirectory('kb', 'private', 'bob', 'a', 'b');
    await symlink('a/b', join(base, 'kb', 'private', 'bob', 'way'));
    const locator = locatorOf([mountAt('/keybase', 'kb')]);
    expect(await codeOf(locator, '/keybase/private/bob/way')).toBe('folder-forbidden');
  });
});

describe('a folder is unreachable', () => {
  test('while its mount is gone or empty, and found when it is back', async () => {
    const directory = await makeDirectory('kb', 'private', 'alice');
    const locator = locatorOf([mountAt('/keybase', 'kb')]);
    await rename(join(base, 'kb'), join(base, 'away'));
    expect(await codeOf(locator, '/keybase/private/alice')).toBe('folder-unreachable');
    await makeDirectory('kb');
    expect(await codeOf(locator, '/keybase/private/alice')).toBe('folder-unreachable');
    await rm(join(base, 'kb'), { recursive: true });
    await rename(join(base, 'away'), join(base, 'kb'));
    expect(await locate(locator, '/keybase/private/alice')).toBe(directory);
  });
});
