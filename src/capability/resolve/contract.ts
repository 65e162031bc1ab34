/** Name resolution as a guest's ABI sees it. */

/** Name resolution for guests, through the daemon's own resolver. */
export interface Resolve {
  /** Addresses as 4 or 16 bytes each. Rejects when the name cannot be resolved. */
  addresses(name: string, family: 4 | 6): Promise<readonly Uint8Array[]>;
  /** One DNS message in wire format for another (RFC 1035, section 4). */
  exchange(query: Uint8Array): Promise<Uint8Array>;
}
