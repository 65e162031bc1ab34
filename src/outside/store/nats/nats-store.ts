/**
 * The shared store in NATS, in the thread that asks: for commands of the operator. The daemon's
 * threads have it behind a thread of its own.
 */
import type {
  Blobs,
  Change,
  ChangeResult,
  CommitResult,
  Entry,
  ListedKey,
  ListOptions,
  Notice,
  ReadOptions,
  SharedStore,
  Space,
  Watch,
  Write,
  WriteOptions,
} from '../contract.ts';
import type { WriteAnswer } from '../messages.ts';
import { changeResult, commitResult, requestOf } from '../requests.ts';
import { unavailable } from '../waiting-writes.ts';
import { requireChange, requireCommit } from '../write-rules.ts';
import { NatsEngine, type NatsEngineOptions } from './engine.ts';

export type NatsStoreOptions = Omit<NatsEngineOptions, 'onState'>;

export class NatsStore implements SharedStore {
  readonly engine: NatsEngine;
  readonly #options: NatsStoreOptions;
  readonly #stateListeners: (() => void)[] = [];

  constructor(options: NatsStoreOptions) {
    this.#options = options;
    this.engine = new NatsEngine({
      ...options,
      onState: () => {
        for (const listener of this.#stateListeners) listener();
      },
    });
  }

  get state(): SharedStore['state'] {
    return this.engine.state;
  }

  get blobs(): Blobs {
    const { engine } = this;
    return {
      put: async (digest, bytes) => (await engine.blobs()).put(digest, bytes),
      get: async (digest) => (await engine.blobs()).get(digest),
      remove: async (blob) => (await engine.blobs()).remove(blob),
      removeLoose: async (beforeMs) => (await engine.blobs()).removeLoose(beforeMs),
      named: () => engine.namedDigests(),
      async *list() {
        yield* (await engine.blobs()).list();
      },
    };
  }

  onState(listener: () => void): void {
    this.#stateListeners.push(listener);
  }

  read(
    space: Space,
    keys: readonly Uint8Array[],
    { fresh, signal }: ReadOptions = {},
  ): Promise<readonly (Entry | undefined)[]> {
    const dueMs = performance.now() + this.#options.settings.waitMs;
    return this.engine.read(space, keys, { fresh, signal, dueMs });
  }

  async commit(
    space: Space,
    writes: readonly Write[],
    options: WriteOptions,
  ): Promise<CommitResult> {
    requireCommit(writes);
    return commitResult(await this.#write(space, writes, options), writes);
  }

  async change(space: Space, change: Change, options: WriteOptions): Promise<ChangeResult> {
    requireChange(change);
    return changeResult(await this.#write(space, [change], options));
  }

  list(
    space: Space,
    options: ListOptions,
  ): Promise<{ readonly items: readonly ListedKey[]; readonly isLast: boolean }> {
    const dueMs = performance.now() + this.#options.settings.waitMs;
    return this.engine.list(space, options, dueMs);
  }

  watch(space: Space, listener: (notice: Notice) => void): Watch {
    let isOpen = true;
    const tell = (notice: Notice): void => {
      if (isOpen) listener(notice);
    };
    const ready = this.engine.watch(space, tell);
    ready.catch(() => undefined);
    return {
      ready,
      close: () => {
        isOpen = false;
        this.engine.unwatch(space, tell);
      },
    };
  }

  close(): Promise<void> {
    return this.engine.close();
  }

  #write(
    space: Space,
    writes: readonly (Write | Change)[],
    { deadlineMs, signal }: WriteOptions,
  ): Promise<WriteAnswer> {
    if (deadlineMs <= 0 || signal?.aborted === true) {
      return Promise.reject(unavailable('there is no time left for an answer'));
    }
    const request = requestOf(0, space, {
      writes,
      nowMs: this.#options.nowMs(),
      waitMs: deadlineMs,
    });
    return this.engine.write(request, performance.now() + deadlineMs);
  }
}
