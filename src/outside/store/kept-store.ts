/**
 * A store of several nodes that goes on without them for what this node has seen: values of some
 * keys are copied into a directory, and read there while the engine is away. Nothing is written
 * there that the engine has not got. Edge: the file system.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileErrorCode, writeDurably } from '../state/durable.ts';
import {
  type Blobs,
  type Change,
  type ChangeResult,
  type CommitResult,
  type Entry,
  type ListedKey,
  type ListOptions,
  type Notice,
  type ReadOptions,
  type SharedStore,
  type Space,
  StoreError,
  type Watch,
  type Write,
  type WriteOptions,
} from './contract.ts';

export interface KeptStoreOptions {
  readonly store: SharedStore;
  readonly directory: string;
  /** Keys that begin with one of these are kept. */
  readonly prefixes: readonly Uint8Array[];
  readonly onTrouble: (error: unknown) => void;
}

/** As long as this a watch waits for the engine; then it is ready, and `reset` comes later. */
const watchWaitMs = 3_000;

export class KeptStore implements SharedStore {
  readonly #options: KeptStoreOptions;
  readonly #store: SharedStore;
  /** What lies in each file, where this process wrote it. */
  readonly #revisions = new Map<string, number>();
  /** The last change of each file that is not done. */
  readonly #keeping = new Map<string, Promise<void>>();

  constructor(options: KeptStoreOptions) {
    this.#options = options;
    this.#store = options.store;
  }

  get state(): SharedStore['state'] {
    return this.#store.state;
  }

  get blobs(): Blobs {
    return this.#store.blobs;
  }

  onState(listener: () => void): void {
    this.#store.onState(listener);
  }

  async read(
    space: Space,
    keys: readonly Uint8Array[],
    options?: ReadOptions,
  ): Promise<readonly (Entry | undefined)[]> {
    const mayKeep = keys.length > 0 && keys.every((key) => this.#isKept(key));
    if (mayKeep && this.#store.state !== 'ready') return this.#readKept(space, keys);
    try {
      const entries = await this.#store.read(space, keys, options);
      await Promise.all(keys.map((key, index) => this.#keep(space, key, entries[index])));
      return entries;
    } catch (error) {
      if (!mayKeep || !isAway(error)) throw error;
      return this.#readKept(space, keys);
    }
  }

  async commit(
    space: Space,
    writes: readonly Write[],
    options: WriteOptions,
  ): Promise<CommitResult> {
    const result = await this.#store.commit(space, writes, options);
    if (result.kind !== 'done') return result;
    for (const [index, { key, op, value = new Uint8Array() }] of writes.entries()) {
      const revision = result.revisions[index] ?? 0;
      await this.#keep(space, key, op === 'put' ? { value, revision } : undefined);
    }
    return result;
  }

  change(space: Space, change: Change, options: WriteOptions): Promise<ChangeResult> {
    return this.#store.change(space, change, options);
  }

  async list(
    space: Space,
    options: ListOptions,
  ): Promise<{ readonly items: readonly ListedKey[]; readonly isLast: boolean }> {
    const mayKeep = this.#isKept(options.prefix);
    if (mayKeep && this.#store.state !== 'ready') return this.#listKept(space, options);
    try {
      return await this.#store.list(space, options);
    } catch (error) {
      if (!mayKeep || !isAway(error)) throw error;
      return this.#listKept(space, options);
    }
  }

  watch(space: Space, listener: (notice: Notice) => void): Watch {
    const watch = this.#store.watch(space, listener);
    const ready = Promise.withResolvers<void>();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      ready.resolve();
    }, watchWaitMs);
    watch.ready
      .then(
        // What was read meanwhile may be old.
        () => (isLate ? listener('reset') : ready.resolve()),
        (error: unknown) => ready.reject(error),
      )
      .finally(() => clearTimeout(timer));
    ready.promise.catch(() => undefined);
    return { ready: ready.promise, close: () => watch.close() };
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  #isKept(key: Uint8Array): boolean {
    return this.#options.prefixes.some((prefix) => beginsWith(key, prefix));
  }

  async #keep(space: Space, key: Uint8Array, entry: Entry | undefined): Promise<void> {
    if (!this.#isKept(key)) return;
    const path = this.#path(space, key);
    // One after the other: of two at once the older could be there last, and stay.
    const keeping = (this.#keeping.get(path) ?? Promise.resolve()).then(() =>
      this.#keepAt(path, key, entry),
    );
    this.#keeping.set(path, keeping);
    await keeping;
    if (this.#keeping.get(path) === keeping) this.#keeping.delete(path);
  }

  /** Never rejects. What was read before a write, and comes after it, is not kept. */
  async #keepAt(path: string, key: Uint8Array, entry: Entry | undefined): Promise<void> {
    const revision = entry?.revision ?? 0;
    const known = this.#revisions.get(path);
    if (known === revision || (entry !== undefined && revision < (known ?? 0))) return;
    try {
      if (entry === undefined) await rm(path, { recursive: true, force: true });
      else await writeDurably(path, encode(key, entry));
      this.#revisions.set(path, revision);
    } catch (error) {
      this.#options.onTrouble(error);
    }
  }

  #readKept(space: Space, keys: readonly Uint8Array[]): Promise<readonly (Entry | undefined)[]> {
    return Promise.all(
      keys.map(async (key) => (await this.#readFile(this.#path(space, key)))?.entry),
    );
  }

  async #listKept(
    space: Space,
    { after, limit, prefix }: ListOptions,
  ): Promise<{ readonly items: readonly ListedKey[]; readonly isLast: boolean }> {
    const directory = this.#directoryOf(space);
    const names = await readdir(directory).catch(absent);
    const found = await Promise.all(
      (names ?? []).filter(isWhole).map((name) => this.#readFile(join(directory, name))),
    );
    const items = found
      .flatMap((kept) => {
        if (kept === undefined || !beginsWith(kept.key, prefix)) return [];
        if (after !== undefined && Buffer.compare(kept.key, after) <= 0) return [];
        const { key, entry } = kept;
        return [{ key, bytes: entry.value.byteLength, revision: entry.revision }];
      })
      .sort((a, b) => Buffer.compare(a.key, b.key));
    return { items: items.slice(0, limit), isLast: items.length <= limit };
  }

  async #readFile(
    path: string,
  ): Promise<{ readonly key: Uint8Array; readonly entry: Entry } | undefined> {
    const bytes = await readFile(path).catch(absent);
    return bytes === undefined ? undefined : decode(bytes);
  }

  #directoryOf({ area, name }: Space): string {
    const hash = createHash('sha256').update(name).digest('hex');
    return join(this.#options.directory, area, hash);
  }

  #path(space: Space, key: Uint8Array): string {
    const hash = createHash('sha256').update(key).digest('hex');
    return join(this.#directoryOf(space), hash);
  }
}

/** Others are what was being written when a process was killed. */
function isWhole(name: string): boolean {
  return /^[0-9a-f]{64}$/.test(name);
}

/** Length of the key, key, revision, value. */
function encode(key: Uint8Array, { revision, value }: Entry): Uint8Array {
  const head = Buffer.alloc(12);
  head.writeUInt32BE(key.byteLength, 0);
  head.writeDoubleBE(revision, 4);
  return Buffer.concat([head, key, value]);
}

function decode(bytes: Buffer): { readonly key: Uint8Array; readonly entry: Entry } | undefined {
  if (bytes.byteLength < 12) return undefined;
  const end = 12 + bytes.readUInt32BE(0);
  const revision = bytes.readDoubleBE(4);
  return { key: bytes.subarray(12, end), entry: { value: bytes.subarray(end), revision } };
}

function beginsWith(key: Uint8Array, prefix: Uint8Array): boolean {
  return Buffer.compare(key.subarray(0, prefix.byteLength), prefix) === 0;
}

function isAway(error: unknown): boolean {
  return error instanceof StoreError && error.kind !== 'limit' && error.kind !== 'full';
}

function absent(error: unknown): undefined {
  if (fileErrorCode(error) === 'ENOENT') return undefined;
  throw error;
}
