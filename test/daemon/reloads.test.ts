import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { type LiveConfig, Reloads } from '../../src/daemon/reloads.ts';
import { openJournal } from '../../src/journal/journal.ts';

const load = (denied: string) =>
  loadConfig({
    flags: [],
    machine: {
      environment: { TERRAFIRMA_FOLDER: '/srv', TERRAFIRMA_HOSTS_DENIED: denied },
      ...{ homeDirectory: '/', workingDirectory: '/', parallelism: 1, memoryBytes: 1024 ** 3 },
    },
  });

test('of two that come at once the newer one is in force in the end', async () => {
  const read = [load('first.test'), load('second.test')];
  const first = Promise.withResolvers<void>();
  const swapped: LiveConfig['hosts']['denied'][] = [];
  const reloads = new Reloads({
    loaded: load('none.test'),
    reread: () => read.shift() ?? load('never.test'),
    journal: openJournal(),
    swap: async ({ hosts }) => {
      if (swapped.length === 0 && read.length > 0) await first.promise;
      else first.resolve();
      swapped.push(hosts.denied);
    },
  });
  const both = [reloads.reload(), reloads.reload()];
  await new Promise((resolve) => setImmediate(resolve));
  first.resolve();
  await Promise.all(both);
  expect(swapped).toEqual([['first.test'], ['second.test']]);
});
