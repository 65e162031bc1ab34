/** What owners are told by a file in their folder, written by a real daemon. */
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { describeForOwner } from '../../../src/admin/feedback/status-file.ts';
import { appendInside, writeInside } from '../../../src/outside/mount/write-inside.ts';
import { TestDaemon, waitFor } from '../../support/daemon.ts';
import { TestFolder } from '../../support/folder.ts';

const isLinux = process.platform === 'linux';
const closed = JSON.stringify({
  version: 'v1',
  users: {},
  acls: { '/': { anonymous_permissions: '' } },
});

describe.skipIf(!isLinux)('writeInside() (skipped but on Linux)', () => {
  const place = { names: ['.terrafirma', 'node'], name: 'status.json' };
  const bytes = Buffer.from('told');
  const make = (): string => mkdtempSync(join(tmpdir(), 'terrafirma-inside-'));

  test('puts a file where there was nothing, and replaces it', async () => {
    const directory = make();
    await writeInside(directory, place, bytes);
    await writeInside(directory, place, Buffer.from('again'));
    const own = join(directory, '.terrafirma/node');
    expect(readFileSync(join(own, 'status.json'), 'utf8')).toBe('again');
    expect(readdirSync(own)).toEqual(['status.json']);
  });

  test.each(['.terrafirma', '.terrafirma/node'])('follows no link at %s', async (name) => {
    const directory = make();
    const elsewhere = make();
    if (name.includes('/')) mkdirSync(join(directory, '.terrafirma'));
    symlinkSync(elsewhere, join(directory, name));
    await expect(writeInside(directory, place, bytes)).rejects.toThrow(/ELOOP|ENOTDIR/);
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  describe('appendInside()', () => {
    const log = { names: ['.terrafirma', 'node'], name: 'log.txt', earlier: 'log.1.txt' };
    const append = (directory: string, text: string) =>
      appendInside(directory, log, { bytes: Buffer.from(text), bytesMax: 10 });
    const read = (directory: string, name: string): string =>
      readFileSync(join(directory, '.terrafirma/node', name), 'utf8');

    test('goes on with the file, and keeps a full one as the earlier', async () => {
      const directory = make();
      for (const text of ['12345', '6789', 'abcd']) await append(directory, text);
      expect(read(directory, 'log.txt')).toBe('abcd');
      expect(read(directory, 'log.1.txt')).toBe('123456789');
    });

    test('reads neither through a link nor what somebody has made too large', async () => {
      const directory = make();
      const own = join(directory, '.terrafirma/node');
      mkdirSync(own, { recursive: true });
      const victim = join(make(), 'secret');
      writeFileSync(victim, 'secret');
      symlinkSync(victim, join(own, 'log.txt'));
      await append(directory, 'mine');
      expect(read(directory, 'log.txt')).toBe('mine');
      writeFileSync(join(own, 'log.txt'), 'x'.repeat(1_000_000));
      await append(directory, 'again');
      expect(read(directory, 'log.txt')).toBe('again');
      expect(readFileSync(victim, 'utf8')).toBe('secret');
    });
  });

  test('writes through neither a link nor a hard link in place of the file', async () => {
    const directory = make();
    const victim = join(make(), 'victim');
    writeFileSync(victim, 'untouched');
    const own = join(directory, '.terrafirma/node');
    mkdirSync(own, { recursive: true });
    symlinkSync(victim, join(own, 'status.json'));
    await writeInside(directory, place, bytes);
    linkSync(victim, join(own, 'other.json'));
    await writeInside(directory, { ...place, name: 'other.json' }, bytes);
    expect(readFileSync(victim, 'utf8')).toBe('untouched');
    expect(readFileSync(join(own, 'other.json'), 'utf8')).toBe('told');
  });
});

test('nothing is told of a folder that anybody may read, unless its owner says so', () => {
  const site = { manifest: { paths: [], anonymousRead: true }, modules: new Map() };
  const look = { folderKey: '/keybase/private/alice', state: 'served', site } as never;
  const about = { version: '1', isPublicAllowed: false, sessions: [] };
  expect(describeForOwner(look, about)).toBeUndefined();
  expect(describeForOwner(look, { ...about, isPublicAllowed: true })).toBeDefined();
  const closedSite = { ...site, manifest: { paths: [], anonymousRead: false } };
  const closedLook = { folderKey: '/keybase/private/alice', state: 'served', site: closedSite };
  expect(describeForOwner(closedLook as never, about)).toBeDefined();
  const published = { ...closedLook, folderKey: '/keybase/public/alice' };
  expect(describeForOwner(published as never, about)).toBeUndefined();
});

describe.skipIf(!isLinux)('a daemon (skipped but on Linux)', () => {
  const start = (folder: TestFolder, enabled: string) =>
    TestDaemon.start({
      args: [folder.directory, '--quiet-ms', '50', '--poll-ms', '50'],
      env: { TERRAFIRMA_FEEDBACK_ENABLED: enabled, TERRAFIRMA_FEEDBACK_NODE_NAME: 'node' },
    });
  const fileOf = (folder: TestFolder): string => folder.path('.terrafirma/node/status.json');

  test('tells verdicts with their reasons, and is neither seen nor served', async () => {
    using folder = new TestFolder();
    folder.put('hello');
    folder.write('broken.wasm', 'no module');
    folder.write('.kbp_config', closed);
    folder.write('terrafirma.toml', '[feedback]\nwrite = true\n');
    await using daemon = await start(folder, 'true');
    // It is written again when the last verdict is there.
    const told = await waitFor(() => {
      if (!existsSync(fileOf(folder))) return undefined;
      const read = JSON.parse(readFileSync(fileOf(folder), 'utf8'));
      return read.modules.length === 2 ? read : undefined;
    }, 50_000);
    expect(told).toMatchObject({ schemaVersion: 1, state: 'served' });
    expect(told.modules).toContainEqual(
      expect.objectContaining({ module: 'broken.wasm', verdict: 'refused' }),
    );
    expect(told.advice).toContainEqual({
      id: 'module:broken.wasm',
      text: expect.stringContaining('Replace broken.wasm: Cannot'),
    });
    expect(told.sealingKey).toMatch(/^[\w-]{43}$/);
    const answer = await fetch(`${daemon.url}/.terrafirma/node/status.json`);
    expect([401, 403, 404]).toContain(answer.status);
  });

  test('tells by a log what became of the deploys', async () => {
    using folder = new TestFolder();
    folder.put('hello');
    folder.write('broken.wasm', 'no module');
    folder.write('.kbp_config', closed);
    folder.write('terrafirma.toml', '[feedback]\nwrite = true\n');
    await using _ = await start(folder, 'true');
    const file = folder.path('.terrafirma/node/log.txt');
    // A line comes with the next look, and so may a second file of lines a minute later.
    const told = await waitFor(() => {
      const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
      return text.includes('broken.wasm') ? text : undefined;
    }, 150_000);
    expect(told).toMatch(/^\S+Z {2}- {2}broken\.wasm {2}warn {2}module refused: Cannot/m);
  }, 200_000);

  test('tells verdicts alone where anybody may read, if the owner says so', async () => {
    using folder = new TestFolder();
    folder.put('hello');
    folder.replace('terrafirma.toml', '[feedback]\nwrite = true\npublic = true\n');
    folder.write('broken.wasm', 'no module');
    await using _ = await start(folder, 'true');
    await waitFor(() => (existsSync(fileOf(folder)) ? true : undefined), 40_000);
    const { modules } = JSON.parse(readFileSync(fileOf(folder), 'utf8'));
    expect(JSON.stringify(modules)).not.toContain('Cannot');
  });
});
