/** A process that counts in the shared store of several nodes, beside others. */
import type { Space } from '../../../../src/outside/store/contract.ts';
import { openNatsStore, settingsOf } from './world.ts';

const [servers = '', installation = '', replicas = '', area = '', name = '', key = '', times = ''] =
  process.argv.slice(2);
const store = openNatsStore(
  settingsOf(servers.split(','), { name: installation, replicas: Number(replicas) }),
);
const change = { key: new TextEncoder().encode(key), op: 'increment' } as const;
for (let count = 0; count < Number(times); count += 1) {
  await store.change({ area: area as Space['area'], name }, change, { deadlineMs: 60_000 });
}
await store.close();
