/** Lists of addresses as a guest's ABI sees them. */

export interface Acls {
  /** Undefined where the folder names no such list, or the module may not reach it. */
  open(name: string): Acl | undefined;
}

export interface AclMatch {
  /** As `address/bits`. */
  readonly prefix: string;
  readonly action: 'allow' | 'deny';
}

export interface Acl {
  /** The longest prefix that holds an address of 4 or 16 bytes; undefined where none does. */
  lookup(address: Uint8Array): AclMatch | undefined;
}
