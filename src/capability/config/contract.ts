/** Config stores as a guest's ABI sees them: text by name, set by the folder's owner. */

export interface ConfigStores {
  /** Undefined where the folder names no such store, or the module may not reach it. */
  open(name: string): ConfigStore | undefined;
}

export interface ConfigStore {
  get(key: string): string | undefined;
  /** In the order of the file. */
  readonly keys: readonly string[];
}
