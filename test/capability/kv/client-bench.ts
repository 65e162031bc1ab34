/** A key-value file in a directory of its own, with writers and clients that end with the test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { KeyValueClient } from '../../../src/capability/kv/client.ts';
import { defaultLimits, type Limits } from '../../../src/config/config.ts';
import type { FolderKey, ModulePath } from '../../../src/names.ts';
import { openStoreClient } from '../../../src/outside/store/open.ts';
import { storePath } from '../../../src/outside/store/sqlite-schema.ts';
import {
  type StoreKeeper,
  type StoreKeeperOptions,
  startStoreKeeper,
} from '../../../src/outside/store/store-keeper.ts';

export const folderKey = '/keybase/public/alice' as FolderKey;
export const modulePath = 'kv.wasm' as ModulePath;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function bytes(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

export function text(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : decoder.decode(value);
}

export function refusal(kind: string, message: RegExp): object {
  return { name: 'CapabilityRefusal', kind, message: expect.stringMatching(message) };
}

/** Call it once, at the top of a test file. */
export function useKeyValue(): KeyValueBench {
  const bench = new KeyValueBench();
  beforeEach(() => bench.start());
  afterEach(() => bench.stop());
  return bench;
}

export class KeyValueBench {
  directory = '';
  readonly troubles: string[] = [];
  readonly #clients: KeyValueClient[] = [];
  readonly #writers: StoreKeeper[] = [];

  start(): void {
    this.directory = mkdtempSync(join(tmpdir(), 'terrafirma-kv-'));
    this.troubles.length = 0;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients.splice(0)) await client.store.close();
    await Promise.all(this.#writers.splice(0).map((writer) => writer.close()));
    rmSync(this.directory, { recursive: true });
  }

  get databasePath(): string {
    return storePath(this.directory);
  }

  openWriter(limits: Partial<Limits> = {}, options: Partial<StoreKeeperOptions> = {}): StoreKeeper {
    const writer = startStoreKeeper({
      databasePath: this.databasePath,
      synchronous: 'normal',
      limits: { ...defaultLimits, ...limits },
      onTrouble: (message) => this.troubles.push(message),
      ...options,
    });
    this.#writers.push(writer);
    return writer;
  }

  openClient(writer: StoreKeeper, limits: Partial<Limits> = {}): KeyValueClient {
    const given = { ...defaultLimits, ...limits };
    const client = new KeyValueClient({
      store: openStoreClient(writer.connect(), this.directory),
      limits: given,
    });
    this.#clients.push(client);
    return client;
  }
}
