/**
 * The shared store of several nodes, as one thread sees it: reads come from the mirror where it has
 * what is true now, everything else goes to the thread that has the connection to the engine.
 */
import type { Digest } from '../../../names.ts';
import type { StoreClient } from '../client.ts';
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
  type StoredBlob,
  StoreError,
  type Watch,
  type Write,
  type WriteOptions,
} from '../contract.ts';
import type { StoreQuestion, StoreReply } from '../messages.ts';
import { MirrorReader, type MirrorReaderOptions } from './mirror-reader.ts';
import type { StreamState } from './stream-state.ts';

export interface ClusterClientOptions {
  readonly client: StoreClient;
  readonly mirror: MirrorReaderOptions;
}

export class ClusterClient implements SharedStore {
  readonly #client: StoreClient;
  readonly #mirrorOptions: MirrorReaderOptions;
  #mirror: MirrorReader | undefined;

  constructor({ client, mirror }: ClusterClientOptions) {
    this.#client = client;
    this.#mirrorOptions = mirror;
  }

  get state(): SharedStore['state'] {
    return this.#client.state;
  }

  get blobs(): Blobs {
    return new AskedBlobs((question) => this.#client.ask(question));
  }

  onState(listener: () => void): void {
    this.#client.onState(listener);
  }

  /** On the road of a request: it waits for nothing where the mirror has it. */
  read(
    space: Space,
    keys: readonly Uint8Array[],
    { fresh = false, signal }: ReadOptions = {},
  ): Promise<readonly (Entry | undefined)[]> {
    const [first] = keys;
    if (!fresh && keys.length === 1 && first !== undefined) {
      const hit = this.#hit(space, first);
      if (hit !== undefined) return Promise.resolve([hit.entry]);
    }
    return this.#readMany(space, keys, { fresh, signal });
  }

  commit(space: Space, writes: readonly Write[], options: WriteOptions): Promise<CommitResult> {
    return this.#client.commit(space, writes, options);
  }

  change(space: Space, change: Change, options: WriteOptions): Promise<ChangeResult> {
    return this.#client.change(space, change, options);
  }

  async list(
    space: Space,
    options: ListOptions,
  ): Promise<{ readonly items: readonly ListedKey[]; readonly isLast: boolean }> {
    const reply = await this.#client.ask({
      what: 'list',
      space: bare(space),
      options: owned(options),
    });
    if (reply.kind !== 'page') throw mismatch('list', reply);
    return { items: reply.items, isLast: reply.isLast };
  }

  async streams(): Promise<readonly StreamState[]> {
    const reply = await this.#client.ask({ what: 'streams' });
    if (reply.kind !== 'streams') throw mismatch('look at the streams', reply);
    return reply.streams;
  }

  watch(space: Space, listener: (notice: Notice) => void): Watch {
    return this.#client.watch(space, listener);
  }

  async close(): Promise<void> {
    await this.#client.close();
    this.#mirror?.close();
    this.#mirror = undefined;
  }

  async #readMany(
    space: Space,
    keys: readonly Uint8Array[],
    { fresh, signal }: { readonly fresh: boolean; readonly signal: AbortSignal | undefined },
  ): Promise<readonly (Entry | undefined)[]> {
    const hits = keys.map((key) => (fresh ? undefined : this.#hit(space, key)));
    const missing = keys.filter((_, index) => hits[index] === undefined);
    if (missing.length === 0) return hits.map((hit) => hit?.entry);
    const question = { what: 'read', space: bare(space), keys: missing.map(copy), fresh } as const;
    const reply = await this.#client.ask(question, signal);
    if (reply.kind !== 'entries') throw mismatch('read', reply);
    const entries = [...reply.entries];
    return hits.map((hit) => (hit === undefined ? entries.shift() : hit.entry));
  }

  #hit(space: Space, key: Uint8Array): { readonly entry: Entry | undefined } | undefined {
    if (this.#client.state === 'refused') return undefined;
    try {
      this.#mirror ??= new MirrorReader(this.#mirrorOptions);
      return this.#mirror.read(space, key);
    } catch (error) {
      // A cache that cannot be read is no reason to fail: the engine is asked.
      if (error instanceof Error && 'errcode' in error) return undefined;
      throw error;
    }
  }
}

class AskedBlobs implements Blobs {
  readonly #ask: (question: StoreQuestion) => Promise<StoreReply>;

  constructor(ask: (question: StoreQuestion) => Promise<StoreReply>) {
    this.#ask = ask;
  }

  async put(digest: Digest, bytes: Uint8Array): Promise<void> {
    await this.#ask({ what: 'put-blob', digest, bytes: copy(bytes) });
  }

  async get(digest: Digest): Promise<Uint8Array | undefined> {
    const reply = await this.#ask({ what: 'get-blob', digest });
    if (reply.kind !== 'blob') throw mismatch('get', reply);
    return reply.bytes;
  }

  async *list(): AsyncGenerator<StoredBlob> {
    const reply = await this.#ask({ what: 'list-blobs' });
    if (reply.kind !== 'blobs') throw mismatch('list', reply);
    yield* reply.blobs;
  }

  async remove(blob: StoredBlob): Promise<boolean> {
    const reply = await this.#ask({ what: 'remove-blob', blob });
    if (reply.kind !== 'removed') throw mismatch('remove', reply);
    return reply.count > 0;
  }

  async removeLoose(beforeMs: number): Promise<number> {
    const reply = await this.#ask({ what: 'remove-loose', beforeMs });
    if (reply.kind !== 'removed') throw mismatch('remove', reply);
    return reply.count;
  }

  async named(): Promise<ReadonlySet<Digest>> {
    const reply = await this.#ask({ what: 'named-digests' });
    if (reply.kind !== 'digests') throw mismatch('list', reply);
    return reply.digests;
  }
}

/** A view may be of a guest's whole memory: only its own bytes are sent. */
function copy(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function bare({ area, name }: Space): Space {
  return { area, name };
}

function owned({ prefix, after, limit }: ListOptions): ListOptions {
  return {
    prefix: copy(prefix),
    limit,
    ...(after === undefined ? {} : { after: copy(after) }),
  };
}

function mismatch(verb: string, { kind }: StoreReply): StoreError {
  const rule = 'the writer must answer what it was asked';
  return new StoreError('unavailable', `Cannot ${verb}: ${rule}: received ${kind}`);
}
