import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FolderKey, type ModulePath, ownerOf } from '../../../src/names.ts';
import { parseSettings } from '../../../src/site/settings.ts';
import { useLending } from '../lending-bench.ts';

const bench = useLending();
const folderKey = '/alice' as FolderKey;
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'granted-files-'));
  mkdirSync(join(directory, 'lib/inner'), { recursive: true });
  mkdirSync(join(directory, 'templates'));
  for (const path of ['index.html', 'lib/a.txt', 'lib/inner/b.txt', 'templates/t.html']) {
    writeFileSync(join(directory, path), path);
  }
});

afterEach(() => rmSync(directory, { recursive: true }));

function filesOf(grants: string) {
  const { thread } = bench.open();
  return thread.forRun({
    folderKey,
    modulePath: 'a.wasm' as ModulePath,
    requestId: 'r1',
    place: { directory, mountDirectory: directory, owner: ownerOf(folderKey) },
    siteSettings: parseSettings(Buffer.from(grants), 10_000),
  }).files;
}

async function namesIn(files: ReturnType<typeof filesOf>, ...segments: string[]) {
  return (await files.list(segments, 100))?.map(({ name }) => name);
}

async function hasFile(files: ReturnType<typeof filesOf>, ...segments: string[]) {
  const file = await files.open(segments);
  file?.close();
  return file !== undefined;
}

describe('the files that a module may read', () => {
  test('are all, where nothing is said', async () => {
    const files = filesOf('');
    expect(await namesIn(files)).toEqual(['index.html', 'lib', 'templates']);
    expect(await hasFile(files, 'lib', 'inner', 'b.txt')).toBe(true);
  });

  test('are those below a path, and the way there shows nothing else', async () => {
    const files = filesOf('[grants]\nfiles = ["/lib/inner"]');
    expect(await namesIn(files)).toEqual(['lib']);
    expect(await namesIn(files, 'lib')).toEqual(['inner']);
    expect(await namesIn(files, 'lib', 'inner')).toEqual(['b.txt']);
    expect(await hasFile(files, 'lib', 'inner', 'b.txt')).toBe(true);
    expect(await hasFile(files, 'lib', 'a.txt')).toBe(false);
    expect(await files.stat(['lib'])).toMatchObject({ kind: 'directory' });
    expect(await files.stat(['index.html'])).toBeUndefined();
    expect(await files.stat(['lib', 'inner', 'b.txt'])).toMatchObject({ kind: 'file' });
    expect(await namesIn(files, 'templates')).toBeUndefined();
  });

  test('may be one file', async () => {
    const files = filesOf('[grants]\nfiles = ["/lib/a.txt"]');
    expect(await hasFile(files, 'lib', 'a.txt')).toBe(true);
    expect(await namesIn(files, 'lib')).toEqual(['a.txt']);
  });

  test('are none with an empty list, in a folder that is there', async () => {
    const files = filesOf('[grants]\nfiles = []');
    expect(await files.stat([])).toMatchObject({ kind: 'directory' });
    expect(await namesIn(files)).toEqual([]);
    expect(await hasFile(files, 'index.html')).toBe(false);
  });

  test('are never those beside a path that begins alike', async () => {
    const files = filesOf('[grants]\nfiles = ["/lib/in"]');
    expect(await hasFile(files, 'lib', 'inner', 'b.txt')).toBe(false);
    expect(await namesIn(files, 'lib')).toEqual([]);
  });
});
