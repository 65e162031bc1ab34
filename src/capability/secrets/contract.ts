/** Secret stores as a guest's ABI sees them. */

export interface SecretStores {
  /** Undefined where the folder names no such store, or the module may not reach it. */
  open(name: string): SecretStore | undefined;
}

export interface SecretStore {
  /** The plain value: for the guest, and never for a log. */
  get(key: string): Uint8Array | undefined;
}
