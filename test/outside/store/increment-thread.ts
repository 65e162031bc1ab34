/** A thread that counts in the shared store, many times at once. Edge: worker thread. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { Space } from '../../../src/outside/store/contract.ts';
import { openStoreClient } from '../../../src/outside/store/open.ts';

interface IncrementStart {
  readonly port: MessagePort;
  readonly directory: string;
  readonly space: Space;
  readonly key: string;
  readonly times: number;
}

async function incrementAll(start: IncrementStart): Promise<number> {
  const store = openStoreClient(start.port, start.directory);
  const key = new TextEncoder().encode(start.key);
  const one = () => store.change(start.space, { key, op: 'increment' }, { deadlineMs: 30_000 });
  await Promise.all(Array.from({ length: start.times }, one));
  await store.close();
  return start.times;
}

parentPort?.postMessage(await incrementAll(workerData));
