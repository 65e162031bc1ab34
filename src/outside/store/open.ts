/** The shared store of a state directory, as a thread opens it. */
import { join } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import { DirectoryBlobs } from './blobs.ts';
import { StoreClient } from './client.ts';
import type { Blobs } from './contract.ts';
import { storePath } from './sqlite-schema.ts';

/** @param port From `StoreKeeper.connect()`. */
export function openStoreClient(port: MessagePort, stateDirectory: string): StoreClient {
  return new StoreClient({
    port,
    databasePath: storePath(stateDirectory),
    blobs: openBlobs(stateDirectory),
    nowMs: Date.now,
  });
}

export function openBlobs(stateDirectory: string): Blobs {
  return new DirectoryBlobs(join(stateDirectory, 'blobs'));
}
