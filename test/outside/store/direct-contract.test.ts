/** The contract over SQLite in the thread that asks, with several processes on one file. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultLimits } from '../../../src/config/config.ts';
import { DirectStore } from '../../../src/outside/store/direct-store.ts';
import { openBlobs } from '../../../src/outside/store/open.ts';
import { storePath } from '../../../src/outside/store/sqlite-schema.ts';
import { describeContract } from './contract.ts';
import type { Installation } from './contract-words.ts';

describeContract('SQLite without a thread, in several processes', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'terrafirma-store-'));
  const opened: DirectStore[] = [];
  const close = async (): Promise<void> => {
    for (const store of opened.splice(0)) await store.close();
  };
  const installation: Installation = {
    connect({ nowMs = Date.now } = {}) {
      const store = DirectStore.open({
        databasePath: storePath(directory),
        synchronous: 'normal',
        limits: defaultLimits,
        blobs: openBlobs(directory),
        nowMs,
      });
      opened.push(store);
      return store;
    },
    restart: close,
    async increment(space, key, times) {
      const script = new URL('./increment-process.ts', import.meta.url).pathname;
      const processes = Array.from({ length: 3 }, () =>
        spawn(process.execPath, [script, directory, space.area, space.name, key, String(times)], {
          stdio: 'inherit',
        }),
      );
      const exits = await Promise.all(processes.map((each) => once(each, 'exit')));
      if (exits.some(([code]) => code !== 0)) throw new Error('a process did not end well');
      return { counted: 3 * times };
    },
    async end() {
      await close();
      rmSync(directory, { recursive: true });
    },
  };
  return installation;
});
