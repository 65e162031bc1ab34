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
import { writeInside } from '../../../src/outside/mount/write-inside.ts';
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
    const answer = await fetch(`${daemon.url}/.terrafirma/node/status.json`);
    expect([401, 403, 404]).toContain(answer.status);
  });

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
