import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import type { Notice } from '../../../src/outside/store/contract.ts';
import { DirectStore } from '../../../src/outside/store/direct-store.ts';
import { openBlobs } from '../../../src/outside/store/open.ts';
import { openDatabase, storePath } from '../../../src/outside/store/sqlite-schema.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'terrafirma-store-'));
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
  rmSync(directory, { recursive: true, force: true });
});

test('a look at a file that cannot be read now ends nothing, and is tried again', async () => {
  const store = DirectStore.open({
    databasePath: storePath(directory),
    synchronous: 'normal',
    limits: defaultLimits,
    blobs: openBlobs(directory),
    nowMs: Date.now,
  });
  const notices: Notice[] = [];
  store.watch({ area: 'tls', name: 'tls' }, (notice) => notices.push(notice));
  const other = openDatabase(storePath(directory));
  other.exec('ALTER TABLE spaces RENAME TO elsewhere');
  vi.advanceTimersByTime(1_000);
  expect(notices).toEqual([]);
  other.exec('ALTER TABLE elsewhere RENAME TO spaces');
  vi.advanceTimersByTime(1_000);
  expect(notices).toEqual(['reset']);
  other.close();
  await store.close();
});
