import { afterEach, beforeEach, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import { Logins, perFolder } from '../../../src/daemon/logins/logins.ts';
import { SharedLogins } from '../../../src/daemon/logins/shared-logins.ts';
import type { FolderKey } from '../../../src/names.ts';
import { DirectStore } from '../../../src/outside/store/direct-store.ts';
import { openBlobs } from '../../../src/outside/store/open.ts';
import { storePath } from '../../../src/outside/store/sqlite-schema.ts';
import { TestFolder } from '../../support/folder.ts';

const folderKey = '/keybase/public/alice' as FolderKey;
const other = '/keybase/public/bob' as FolderKey;
let nowMs = 1_000_000;
let state: TestFolder;
let store: DirectStore;

beforeEach(() => {
  state = new TestFolder();
  store = DirectStore.open({
    ...{ databasePath: storePath(state.directory), synchronous: 'normal' },
    ...{ limits: defaultLimits, blobs: openBlobs(state.directory), nowMs: () => nowMs },
  });
});

afterEach(async () => {
  await store.close();
  state[Symbol.dispose]();
});

function node(): SharedLogins {
  return new SharedLogins({ store, rule: perFolder, wallMs: () => nowMs });
}

test('what failed on one node counts on another, of that folder alone, for a while', async () => {
  const [one, two] = [node(), node()];
  for (let count = 0; count < perFolder.burst; count += 1) {
    (count % 2 === 0 ? one : two).noteFailure(folderKey);
  }
  await expect.poll(() => two.mayTry(folderKey)).toBe(false);
  expect(await one.mayTry(folderKey)).toBe(false);
  expect(await two.mayTry(other)).toBe(true);
  const logins = new Logins({
    limits: { passwordChecksQueuedMax: 1 },
    ...{ nowMs: () => 0, shared: two },
    onTrouble: (message) => {
      throw new Error(message);
    },
  });
  const hash = { kind: 'sha256', saltHex: '00'.repeat(12), digestHex: '00'.repeat(32) } as const;
  const asked = { folderKey, clientAddress: '1.1.1.1', password: 'x', hash };
  await expect(logins.check(asked)).rejects.toMatchObject({ code: 'too-many-logins' });
  await logins.close();
  nowMs += 1_000;
  expect(await one.mayTry(folderKey)).toBe(true);
});

test('while the store is away each node has its own count', async () => {
  const one = node();
  await store.close();
  one.noteFailure(folderKey);
  expect(await one.mayTry(folderKey)).toBe(true);
});

test('a row that is no bucket is none, and the next failure replaces it', async () => {
  const space = { area: 'site', name: folderKey } as const;
  const key = Buffer.from('logins');
  const one = node();
  for (const text of ['{', 'null', '{"tokens":"many","atMs":1}']) {
    const write = { key, op: 'put', value: Buffer.from(text) } as const;
    await store.commit(space, [write], { deadlineMs: 5_000 });
    expect(await one.mayTry(folderKey)).toBe(true);
  }
  for (let count = 0; count < perFolder.burst; count += 1) one.noteFailure(folderKey);
  await expect.poll(() => one.mayTry(folderKey)).toBe(false);
});
