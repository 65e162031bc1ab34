/**
 * What a guest may reach outside its own memory. Each is made for one run of one module of one
 * site, already narrowed to it and counting against its limits; a guest cannot name anybody else's.
 */

/** A header as it stood on the wire: lower-case name, value without line ends. */
export type Header = readonly [name: string, value: string];

export interface OutboundRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly Header[];
  readonly body: Uint8Array;
}

export interface OutboundReply {
  readonly status: number;
  /** Lower-case names, hop-by-hop headers removed, in order of arrival. */
  readonly headers: readonly Header[];
  readonly body: Uint8Array;
}

/** Outbound HTTP. */
export interface Fetch {
  /**
   * Sends one request, following redirects. Any HTTP status is a success. Rejects with an Error
   * whose message may be shown to the guest's owner: refused address, limit, time-out, bad URL,
   * connection failure. `signal` gives the request up.
   */
  send(request: OutboundRequest, signal: AbortSignal): Promise<OutboundReply>;
}

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

/** Name resolution for guests, through the daemon's own resolver. */
export interface Resolve {
  /** Addresses as 4 or 16 bytes each. Rejects when the name cannot be resolved. */
  addresses(name: string, family: 4 | 6): Promise<readonly Uint8Array[]>;
  /** One DNS message in wire format for another (RFC 1035, section 4). */
  exchange(query: Uint8Array): Promise<Uint8Array>;
}

export interface Clock {
  /** Nanoseconds since the Unix epoch. */
  nowNs(): bigint;
}

/** The guest's own words for the log, tagged with its site and module, bounded per run. */
export interface GuestLog {
  write(level: 'info' | 'warn' | 'error', message: string): void;
}

export interface Capabilities {
  readonly fetch: Fetch;
  readonly keyValue: KeyValue;
  readonly resolve: Resolve;
  readonly clock: Clock;
  readonly log: GuestLog;
  /** Fills `target` with cryptographic random bytes. */
  fillRandom(target: Uint8Array): void;
}
