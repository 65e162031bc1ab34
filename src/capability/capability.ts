/**
 * What a guest may reach outside its own memory. Each is made for one run of one module of one
 * site, already narrowed to it and counting against its limits; a guest cannot name anybody else's.
 */
import type { Header } from '../http/message.ts';

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

/** Time that only goes on, for measuring and waiting; coarse, so that it serves for little else. */
export interface Timer {
  /** Nanoseconds since some instant. */
  nowNs(): bigint;
  readonly resolutionNs: bigint;
  /** Calls `onDue` once, `delayNs` from now or a bit later, unless the result is called first. */
  start(delayNs: bigint, onDue: () => void): () => void;
}

export interface SiteFileFacts {
  readonly kind: 'file' | 'directory';
  readonly inode: bigint;
  readonly sizeBytes: bigint;
  /** Nanoseconds since the Unix epoch. */
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
}

export interface SiteEntry {
  readonly name: string;
  readonly kind: 'file' | 'directory';
}

/** An open file of the site. Its owner closes it. */
export interface SiteFile {
  facts(): Promise<SiteFileFacts>;
  /** Up to `bytesMax` bytes from `position`; none at the end. The caller owns them. */
  read(position: number, bytesMax: number): Promise<Uint8Array>;
  /** Never throws. */
  close(): void;
}

/**
 * The folder of the site, to read: what a visitor could see by name, what the owner has made
 * private, and nothing else. Links are
 * followed where they stay inside. `segments` are single names; undefined means that there is no
 * such thing, whatever the reason. Rejects with TerrafirmaError `folder-unreachable` when the
 * mount does not answer.
 */
export interface SiteFiles {
  stat(segments: readonly string[]): Promise<SiteFileFacts | undefined>;
  /** At most `entriesMax` entries of a directory, sorted by name. */
  list(segments: readonly string[], entriesMax: number): Promise<readonly SiteEntry[] | undefined>;
  /** Opens a regular file. */
  open(segments: readonly string[]): Promise<SiteFile | undefined>;
}

/** What the owner has set for one module; see `site/settings.ts`. */
export interface GuestSettings {
  /** Names and values of the environment, the module's own before the site's. */
  readonly environment: ReadonlyMap<string, string>;
  /** `wws`: one JSON object in, one out. */
  readonly protocol: 'cgi' | 'wws';
  /** How a WebSocket's messages stand on the streams of a program; `off`: there is none. */
  readonly webSocket: 'lines' | 'frames' | 'off';
  /** Whether output without a header block is an answer, of plain text. */
  readonly isPlainTextAllowed: boolean;
  /** After the program's name; undefined: what the request gives. */
  readonly arguments: readonly string[] | undefined;
}

/** The guest's own words for the log, tagged with its site and module, bounded per run. */
export interface GuestLog {
  /** Whether all that is still written will be dropped. */
  readonly isFull: boolean;
  write(level: 'info' | 'warn' | 'error', message: string): void;
}

export interface Capabilities {
  readonly fetch: Fetch;
  readonly keyValue: KeyValue;
  readonly resolve: Resolve;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly files: SiteFiles;
  readonly settings: GuestSettings;
  readonly log: GuestLog;
  /** Fills `target` with cryptographic random bytes. */
  fillRandom(target: Uint8Array): void;
}
