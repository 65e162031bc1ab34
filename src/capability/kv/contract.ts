/** Key-value stores as a guest's ABI sees them. */

/**
 * The key-value namespace of one module of one folder. Operations are atomic over all threads. Keys
 * and values are the caller's again when one has resolved, and the caller may let them go.
 */
export interface KeyValue {
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  /** Stores always. Resolves to whether the key was absent, after the write is durable. */
  insert(key: Uint8Array, value: Uint8Array): Promise<boolean>;
  /** Stores only when the key is absent. Resolves to whether it was. */
  insertIfAbsent(key: Uint8Array, value: Uint8Array): Promise<boolean>;
  /** Appends, or stores when absent. Resolves to whether the key was absent. */
  append(key: Uint8Array, value: Uint8Array): Promise<boolean>;
  /** Resolves to whether the key existed. */
  remove(key: Uint8Array): Promise<boolean>;
  /**
   * The same namespace with all that named ones can do.
   *
   * @throws CapabilityRefusal `forbidden` where the folder grants no stores at all
   */
  readonly own: KeyValueStore;
  /** Undefined where the folder names no such store, or the module may not reach it. */
  named(name: string): KeyValueStore | undefined;
  /** Where a program's `/data` lasts; undefined where the owner gives it none. */
  readonly data: KeyValueStore | undefined;
}

export interface StoredEntry {
  readonly value: Uint8Array;
  /** Grows with every write of the key; 0 is said of an absent one. */
  readonly revision: number;
  /** What was noted of the key when it was stored. */
  readonly meta?: Uint8Array;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAtMs?: number;
}

/** One write, of one key; see `outside/store/contract.ts`. */
export interface StoreChange {
  readonly key: Uint8Array;
  readonly op: 'put' | 'add' | 'append' | 'prepend' | 'increment' | 'delete';
  readonly value?: Uint8Array;
  readonly meta?: Uint8Array;
  readonly ttlMs?: number;
  /** Written only where the key has this revision. */
  readonly ifRevision?: number;
  /** Of an `increment`. */
  readonly by?: bigint;
}

export type StoreChanged =
  | {
      readonly kind: 'done';
      /** At the moment before; 0: it was absent, and an `add` stored it. */
      readonly before: number;
      readonly revision: number;
      /** After an `increment`. */
      readonly number?: bigint;
    }
  | { readonly kind: 'conflict'; readonly before: number };

export interface StoreListing {
  readonly keys: readonly Uint8Array[];
  /** Bytes of the values. */
  readonly sizes: readonly number[];
  readonly isLast: boolean;
}

/** A key-value store by name; what it holds is shared by all runs that reach it. */
export interface KeyValueStore {
  /** In the order of the keys; undefined for what is absent. */
  read(keys: readonly Uint8Array[]): Promise<readonly (StoredEntry | undefined)[]>;
  /** Resolves after the write is durable. */
  change(change: StoreChange): Promise<StoreChanged>;
  /**
   * All of them or, where a condition does not hold, none; whether they were done. Only `put` and
   * `delete`, each key once.
   */
  commit(writes: readonly StoreChange[]): Promise<boolean>;
  /** By key bytes, those after `after`. */
  list(options: {
    readonly prefix: Uint8Array;
    readonly after?: Uint8Array;
    readonly limit: number;
  }): Promise<StoreListing>;
}
