/** A process that counts in the shared store, beside others. Edge: standard output. */
import { defaultLimits } from '../../../src/config/config.ts';
import type { Space } from '../../../src/outside/store/contract.ts';
import { DirectStore } from '../../../src/outside/store/direct-store.ts';
import { openBlobs } from '../../../src/outside/store/open.ts';
import { storePath } from '../../../src/outside/store/sqlite-schema.ts';

const [directory = '', area = '', name = '', key = '', times = '0'] = process.argv.slice(2);
const store = DirectStore.open({
  databasePath: storePath(directory),
  synchronous: 'normal',
  limits: defaultLimits,
  blobs: openBlobs(directory),
  nowMs: Date.now,
});
const change = { key: new TextEncoder().encode(key), op: 'increment' } as const;
for (let count = 0; count < Number(times); count += 1) {
  await store.change({ area: area as Space['area'], name }, change, { deadlineMs: 30_000 });
}
await store.close();
