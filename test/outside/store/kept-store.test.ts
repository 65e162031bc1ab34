import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import { DirectStore } from '../../../src/outside/store/direct-store.ts';
import { KeptStore } from '../../../src/outside/store/kept-store.ts';
import { openBlobs } from '../../../src/outside/store/open.ts';
import { storePath } from '../../../src/outside/store/sqlite-schema.ts';
import { TestFolder } from '../../support/folder.ts';

const space = { area: 'tls', name: 'tls' } as const;
const key = Buffer.from('certificate/site.test');
let state: TestFolder;
let store: DirectStore;

beforeEach(() => {
  state = new TestFolder();
  store = DirectStore.open({
    ...{ databasePath: storePath(state.directory), synchronous: 'normal' },
    ...{ limits: defaultLimits, blobs: openBlobs(state.directory), nowMs: Date.now },
  });
});

afterEach(async () => {
  await store.close();
  state[Symbol.dispose]();
});

function filesIn(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

test('what is kept is the newest, also where it was read and written at once', async () => {
  const kept = new KeptStore({
    ...{ store, directory: state.path('kept'), prefixes: [Buffer.from('certificate/')] },
    onTrouble: (error) => {
      throw error;
    },
  });
  const put = (text: string) =>
    kept.commit(space, [{ key, op: 'put', value: Buffer.from(text) }], { deadlineMs: 5_000 });
  const all: Promise<unknown>[] = [];
  for (let count = 0; count < 40; count += 1) {
    all.push(put(`${count}`), kept.read(space, [key]));
  }
  await Promise.all(all);
  await store.close();
  const [name = ''] = filesIn(state.path('kept'));
  copyFileSync(name, `${name}.unfinished`);
  expect((await kept.list(space, { prefix: key, limit: 10 })).items).toHaveLength(1);
  const [entry] = await kept.read(space, [key]);
  expect(Buffer.from(entry?.value ?? []).toString()).toBe('39');
});
