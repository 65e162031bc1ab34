import { brotliDecompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import { Compressor } from '../../../src/daemon/compress/compressor.ts';
import { type FolderKey, ownerOf } from '../../../src/names.ts';
import { MountGuards } from '../../../src/outside/mount/mount-guards.ts';
import { CodedFiles } from '../../../src/serve/road/coded-files.ts';
import { FileLook, type FileRoute, type SeenFile } from '../../../src/serve/road/file-look.ts';
import { pieceBytes } from '../../../src/serve/road/file-part.ts';
import { parseManifest } from '../../../src/site/manifest.ts';
import type { Site } from '../../../src/site/table.ts';
import { waitFor } from '../../support/daemon.ts';
import { TestFolder } from '../../support/folder.ts';

/** So long after a write its ETag is strong. */
const laterMs = 5_000;
const minuteMs = 60_000;
const folderKey = '/keybase/public/alice' as FolderKey;
const route: FileRoute = { kind: 'file', segments: ['page.html'], isDirectory: false };

describe('what was made of a file', () => {
  let folder: TestFolder;
  let compressor: Compressor;
  let ageMs: number;
  let askedFor: string[];
  let files: FileLook;
  let coded: CodedFiles;
  let site: Site;

  beforeEach(() => {
    folder = new TestFolder();
    ageMs = laterMs;
    // What the test before still asks for is no question of this one.
    const asked: string[] = [];
    askedFor = asked;
    compressor = new Compressor({
      ...{ bytesMax: 1_000_000, nowMs: () => performance.now() },
      onTrouble: (reason) => expect.unreachable(reason),
    });
    const wallMs = (): number => Date.now() + ageMs;
    const guards = new MountGuards(defaultLimits);
    files = new FileLook({ guards, keptBytesMax: 1_000_000, wallMs });
    coded = new CodedFiles({
      files,
      bytesMax: 1_000_000,
      compress: (question) => {
        asked.push(question.key);
        return compressor.compress(question);
      },
    });
    site = {
      ...{ folderKey, owner: ownerOf(folderKey), generation: 1, failure: undefined },
      ...{ directory: folder.directory, mountDirectory: folder.directory },
      manifest: parseManifest(undefined, 1_000),
      modules: new Map(),
    };
  });
  afterEach(async () => {
    await compressor.close();
    folder[Symbol.dispose]();
  });

  const look = async (): Promise<SeenFile> => {
    const seen = await files.look(site, route, true);
    if (typeof seen !== 'object') throw new Error(`saw ${seen}`);
    await seen.open?.take()?.file.close();
    return seen;
  };
  const find = async (seen: SeenFile): Promise<Uint8Array | undefined> => {
    const found = await coded.find(site, route, { seen, codings: ['br'] });
    return found?.kind === 'bytes' ? found.bytes : undefined;
  };
  const untilFound = (seen: SeenFile): Promise<Uint8Array> => waitFor(() => find(seen));

  test('is not sent where it is old and the file has other bytes with the same facts', async () => {
    folder.write('page.html', 'one '.repeat(1_000));
    const seen = await look();
    const first = await untilFound(seen);
    ageMs += minuteMs;
    const { version } = await look();
    // As a write by way of a mapping leaves it: other bytes, the same facts.
    const bytes = Buffer.from('two '.repeat(1_000));
    const written: SeenFile = { ...seen, version, bytes, readAtMs: version.seenAtMs };
    expect(await find(written)).toBeUndefined();
    expect(brotliDecompressSync(first).toString()).toBe('one '.repeat(1_000));
  });

  test.each([
    ['small', 1],
    ['large', 4],
  ])('is sent on where a %s file still has the same bytes', async (_, pieces) => {
    folder.write('page.html', 'a'.repeat(pieces * pieceBytes));
    const first = await untilFound(await look());
    for (const stepMs of [minuteMs, laterMs, minuteMs]) {
      ageMs += stepMs;
      expect(await find(await look())).toBe(first);
    }
    expect(new Set(askedFor).size).toBe(1);
  });

  test('is made anew where a large file has other bytes', async () => {
    folder.write('page.html', 'a'.repeat(4 * pieceBytes));
    const first = await untilFound(await look());
    folder.write('page.html', 'b'.repeat(4 * pieceBytes));
    const second = await untilFound(await look());
    expect(brotliDecompressSync(first).toString()).toBe('a'.repeat(4 * pieceBytes));
    expect(brotliDecompressSync(second).toString()).toBe('b'.repeat(4 * pieceBytes));
    expect(new Set(askedFor).size).toBe(2);
  });
});
