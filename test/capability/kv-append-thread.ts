/** A thread that appends its own mark to one key, many times at once. Edge: worker thread. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { KeyValueClient } from '../../src/capability/kv/client.ts';
import { defaultLimits } from '../../src/config/config.ts';
import type { FolderKey, ModulePath } from '../../src/names.ts';
import { openStoreClient } from '../../src/outside/store/open.ts';

interface AppendStart {
  readonly port: MessagePort;
  readonly directory: string;
  readonly folderKey: FolderKey;
  readonly modulePath: ModulePath;
  readonly mark: string;
  readonly appends: number;
}

async function appendMarks(start: AppendStart): Promise<number> {
  const client = new KeyValueClient({
    store: openStoreClient(start.port, start.directory),
    limits: defaultLimits,
  });
  const store = client.forRun({ folderKey: start.folderKey, modulePath: start.modulePath });
  const mark = new TextEncoder().encode(start.mark);
  const key = new TextEncoder().encode('shared');
  const once = new TextEncoder().encode('once');
  const isFirst = await store.insertIfAbsent(once, mark);
  await Promise.all(Array.from({ length: start.appends }, () => store.append(key, mark)));
  await client.store.close();
  return isFirst ? 1 : 0;
}

parentPort?.postMessage(await appendMarks(workerData));
