/** The contract over SQLite behind the store thread, as the daemon has it. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import { StoreClient } from '../../../src/outside/store/client.ts';
import { openBlobs } from '../../../src/outside/store/open.ts';
import { storePath } from '../../../src/outside/store/sqlite-schema.ts';
import { type StoreKeeper, startStoreKeeper } from '../../../src/outside/store/store-keeper.ts';
import { describeContract } from './contract.ts';
import type { Installation } from './contract-words.ts';

describeContract('SQLite behind its thread', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'terrafirma-store-'));
  const clients: StoreClient[] = [];
  const troubles: string[] = [];
  const start = (): StoreKeeper =>
    startStoreKeeper({
      databasePath: storePath(directory),
      synchronous: 'normal',
      limits: defaultLimits,
      onTrouble: (message) => troubles.push(message),
    });
  let keeper = start();
  const close = async (): Promise<void> => {
    for (const client of clients.splice(0)) await client.close();
    await keeper.close();
  };
  const installation: Installation = {
    connect({ nowMs = Date.now } = {}) {
      const client = new StoreClient({
        port: keeper.connect(),
        databasePath: storePath(directory),
        blobs: openBlobs(directory),
        nowMs,
      });
      clients.push(client);
      return client;
    },
    async restart() {
      await close();
      keeper = start();
    },
    async increment(space, key, times) {
      const threads = Array.from({ length: 4 }, () => {
        const port = keeper.connect();
        return new Worker(new URL('./increment-thread.ts', import.meta.url), {
          workerData: { port, directory, space, key, times },
          transferList: [port],
        });
      });
      const done = await Promise.all(threads.map((thread) => once(thread, 'message')));
      return { counted: done.flat().reduce((sum: number, each: number) => sum + each, 0) };
    },
    async end() {
      await close();
      rmSync(directory, { recursive: true });
      expect(troubles).toEqual([]);
    },
  };
  return installation;
});
