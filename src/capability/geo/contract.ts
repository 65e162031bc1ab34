/** Where addresses are, as a guest's ABI sees it. */

export interface Geo {
  /** One JSON object of what is said of an address of 4 or 16 bytes; undefined for nothing. */
  lookup(address: Uint8Array): string | undefined;
}
