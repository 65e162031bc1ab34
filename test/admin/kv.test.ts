import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AdminRequest } from '../../src/admin/request.ts';
import { kvRoutes, spaceOf } from '../../src/admin/verbs/kv.ts';
import { defaultLimits } from '../../src/config/config.ts';
import { DirectStore } from '../../src/outside/store/direct-store.ts';
import { openBlobs } from '../../src/outside/store/open.ts';
import { storePath } from '../../src/outside/store/sqlite-schema.ts';
import { LogBook } from '../deploy/world.ts';
import { TestFolder } from '../support/folder.ts';

const folder = '/keybase/public/alice';
const module = 'app.wasm';
const key = Buffer.from('session');
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

test('a value that is put in place of another ends when that would have', async () => {
  const space = spaceOf(folder, module);
  const write = { key, op: 'put', value: Buffer.from('one'), meta: key, ttlMs: 60_000 } as const;
  await store.commit(space, [write], { deadlineMs: 5_000 });
  nowMs += 20_000;
  const routes = kvRoutes({ journal: new LogBook(), nowMs: () => nowMs, store });
  const put = routes.find(({ method }) => method === 'PUT');
  const request: AdminRequest = {
    ...{ method: 'PUT', params: [folder, module, key.toString('base64url')], headers: {} },
    ...{ query: new URLSearchParams(), actor: 'socket', address: '', body: Buffer.from('two') },
  };
  await put?.answer(request);
  const [entry] = await store.read(space, [key]);
  expect(Buffer.from(entry?.value ?? []).toString()).toBe('two');
  expect(Buffer.from(entry?.meta ?? []).toString()).toBe('session');
  expect(entry?.expiresAtMs).toBe(nowMs + 40_000);
});
