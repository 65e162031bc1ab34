/** A thread's way to the store of several nodes. */
import { join } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import { StoreClient } from '../client.ts';
import type { Blobs, SharedStore } from '../contract.ts';
import { storePath } from '../sqlite-schema.ts';
import { ClusterClient } from './cluster-client.ts';
import { Places } from './places.ts';
import type { ClusterSettings } from './settings.ts';

/** What a thread needs to know, as plain data. */
export interface ClusterAccess {
  readonly settings: ClusterSettings;
  readonly staleReadsMs: number;
  /** See `Liveness`. */
  readonly liveness: SharedArrayBuffer;
}

export interface ClusterClientPlan {
  /** From `StoreKeeper.connect()`. */
  readonly port: MessagePort;
  readonly stateDirectory: string;
  readonly access: ClusterAccess;
  /** Of this machine; never asked. */
  readonly blobs: Blobs;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
}

/** The thread of the engine says by itself when it is too late: its words come first. */
const answerGraceMs = 1_000;

export function mirrorPathOf(stateDirectory: string): string {
  return join(stateDirectory, 'mirror.sqlite');
}

export function openClusterClient(plan: ClusterClientPlan): SharedStore {
  const { access, blobs, nowMs, port, stateDirectory } = plan;
  const { liveness, settings, staleReadsMs } = access;
  // The file of one machine is never opened.
  const databasePath = storePath(stateDirectory);
  const client = new StoreClient({ port, databasePath, blobs, nowMs, answerGraceMs });
  const places = new Places(settings.name, settings.shards);
  const path = mirrorPathOf(stateDirectory);
  return new ClusterClient({ client, mirror: { path, liveness, places, staleReadsMs, nowMs } });
}
