import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import { type FolderKey, ownerOf } from '../../../src/names.ts';
import { MountGuards } from '../../../src/outside/mount/mount-guards.ts';
import { FileLook, type FileRoute } from '../../../src/serve/road/file-look.ts';
import { parseManifest } from '../../../src/site/manifest.ts';
import type { Site } from '../../../src/site/table.ts';
import { TestFolder } from '../../support/folder.ts';

/** So long after a write its ETag is strong. */
const laterMs = 5_000;
const keptBytesMax = 10_000;

describe('small files in memory', () => {
  let folder: TestFolder;
  let alice: Site;
  let mallory: Site;
  beforeEach(() => {
    folder = new TestFolder();
    alice = siteOf('/keybase/public/alice' as FolderKey);
    mallory = siteOf('/keybase/public/mallory' as FolderKey);
  });
  afterEach(() => folder[Symbol.dispose]());

  const siteOf = (folderKey: FolderKey): Site => ({
    ...{ folderKey, owner: ownerOf(folderKey), generation: 1, failure: undefined },
    ...{ directory: folder.directory, mountDirectory: folder.directory },
    manifest: parseManifest(undefined, 1_000),
    modules: new Map(),
  });
  const lookFrom = (ageMs: number | (() => number), bytesMax = keptBytesMax) => {
    const guards = new MountGuards(defaultLimits);
    const age = typeof ageMs === 'number' ? () => ageMs : ageMs;
    const wallMs = (): number => Date.now() + age();
    const files = new FileLook({ guards, keptBytesMax: bytesMax, wallMs });
    return async (site: Site, name: string): Promise<Uint8Array> => {
      const route: FileRoute = { kind: 'file', segments: [name], isDirectory: false };
      const seen = await files.look(site, route, true);
      if (typeof seen !== 'object' || seen.bytes === undefined) throw new Error('not read whole');
      return seen.bytes;
    };
  };

  test('are read once, and again when they were written', async () => {
    folder.write('page.html', 'one');
    const look = lookFrom(laterMs);
    const first = await look(alice, 'page.html');
    expect(await look(alice, 'page.html')).toBe(first);
    writeFileSync(folder.path('page.html'), 'two');
    expect(Buffer.from(await look(alice, 'page.html')).toString()).toBe('two');
    folder.replace('page.html', 'six');
    expect(Buffer.from(await look(alice, 'page.html')).toString()).toBe('six');
  });

  test('are read again after a while, though nothing tells that they were written', async () => {
    folder.write('page.html', 'one');
    let ageMs = laterMs;
    const look = lookFrom(() => ageMs);
    // The second as when the clock was set back.
    for (const since of [60_000, laterMs]) {
      const known = await look(alice, 'page.html');
      ageMs = since;
      const next = await look(alice, 'page.html');
      expect(next).not.toBe(known);
      expect(await look(alice, 'page.html')).toBe(next);
    }
  });

  test('are read each time while another write may leave the same facts', async () => {
    folder.write('page.html', 'one');
    const look = lookFrom(0);
    expect(await look(alice, 'page.html')).not.toBe(await look(alice, 'page.html'));
  });

  test('filesKeptBytesMax: whoever has the most gives up what was not used', async () => {
    const look = lookFrom(laterMs);
    const half = 'x'.repeat(keptBytesMax / 2 - 1_000);
    for (const name of ['a.html', 'b.html', 'c.html']) folder.write(name, half);
    const hers = await look(alice, 'a.html');
    const first = await look(mallory, 'b.html');
    expect(await look(mallory, 'b.html')).toBe(first);
    const second = await look(mallory, 'c.html');
    expect(await look(alice, 'a.html')).toBe(hers);
    expect(await look(mallory, 'c.html')).toBe(second);
    expect(await look(mallory, 'b.html')).not.toBe(first);
  });

  test('filesKeptBytesMax: a file that is larger is not kept, nor any where it is 0', async () => {
    folder.write('large.html', 'x'.repeat(keptBytesMax));
    folder.write('empty.html', '');
    for (const [name, bytesMax] of [
      ['large.html', keptBytesMax],
      ['empty.html', 0],
    ] as const) {
      const look = lookFrom(laterMs, bytesMax);
      const first = await look(alice, name);
      const second = await look(alice, name);
      expect(Buffer.compare(first, second)).toBe(0);
      if (name === 'large.html') expect(second).not.toBe(first);
    }
  });
});
