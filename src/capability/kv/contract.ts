/** A key-value store as a guest's ABI sees it. */

/** The key-value namespace of one module of one folder. Operations are atomic over all threads. */
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
}
