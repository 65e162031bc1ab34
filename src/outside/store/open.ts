/** The shared store of a state directory, as a thread opens it. */
import { join } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import { DirectoryBlobs } from './blobs.ts';
import { StoreClient } from './client.ts';
import type { Blobs, SharedStore } from './contract.ts';
import { type ClusterAccess, openClusterClient } from './nats/cluster-access.ts';
import { storePath } from './sqlite-schema.ts';

/**
 * @param port From `StoreKeeper.connect()`.
 * @param access `StoreKeeper.cluster`: undefined on one machine.
 */
export function openStoreClient(
  port: MessagePort,
  stateDirectory: string,
  access?: ClusterAccess,
): SharedStore {
  const nowMs = Date.now;
  const blobs = openBlobs(stateDirectory);
  if (access !== undefined)
    return openClusterClient({ port, stateDirectory, access, blobs, nowMs });
  return new StoreClient({ port, databasePath: storePath(stateDirectory), blobs, nowMs });
}

export function openBlobs(stateDirectory: string): Blobs {
  return new DirectoryBlobs(join(stateDirectory, 'blobs'));
}
