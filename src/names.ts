/**
 * Hostile strings parsed once: host names, folder paths of TXT records, request paths. Pure. What
 * leaves this file is safe to join to a directory, to use as a key and to write to the log.
 */

/** Lower case, punycode, without port and final dot; never an IP address. */
export type HostName = string & { readonly hostName: unique symbol };

/** Canonical folder identity, e.g. `/keybase/private/alice,kbwasm/sub`; `/folder` in folder mode. */
export type FolderKey = string & { readonly folderKey: unique symbol };

/** Relative, '/'-joined, e.g. `dir/hello.wasm`. */
export type ModulePath = string & { readonly modulePath: unique symbol };

export interface FolderPath {
  /** The first part of the record, e.g. `/keybase`. */
  readonly prefix: string;
  readonly type: 'private' | 'public' | 'team';
  /** Spelled as in the record. */
  readonly tlf: string;
  readonly canonicalTlf: string;
  readonly writers: readonly string[];
  readonly readers: readonly string[];
  readonly subpath: readonly string[];
  readonly key: FolderKey;
}

export interface RequestPath {
  /** Decoded; no empty, '.' or '..' among them. */
  readonly segments: readonly string[];
  /** Ends with '/' (or is '/'). */
  readonly isDirectory: boolean;
  /** Up to and including the first segment that ends in '.wasm'. */
  readonly modulePath: ModulePath | undefined;
  /** The decoded rest after the module: '' or begins with '/'. */
  readonly pathInfo: string;
  /** Raw, without '?'. */
  readonly query: string;
}
