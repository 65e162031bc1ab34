/**
 * Shared state behind one asynchronous contract: key-value data, certificates, rollbacks. The first
 * engine is SQLite; one that spans several machines fits behind the same words. The rules that
 * every engine keeps are in docs/stores.md; test/outside/store/contract.ts tries each of them.
 */
import type { Digest } from '../../names.ts';
import type { StreamState } from './nats/stream-state.ts';

/** What a space holds. `kv`: what guests store, within limits; the others: the daemon's own. */
export type Area = 'kv' | 'tls' | 'deploy' | 'site' | 'node';

/** Keys are a space's own, and a commit is atomic within one space. */
export interface Space {
  readonly area: Area;
  readonly name: string;
}

/** 0: absent. Grows with every write of the key. */
export type Revision = number;

export interface Entry {
  readonly value: Uint8Array;
  readonly revision: Revision;
  readonly meta?: Uint8Array;
  /** Milliseconds since the Unix epoch; it is not shown from then on. */
  readonly expiresAtMs?: number;
}

export interface Write {
  /** Any bytes, at most `keyBytesMax`; each key once a commit. */
  readonly key: Uint8Array;
  readonly op: 'put' | 'delete';
  /** Left out: empty. */
  readonly value?: Uint8Array;
  /** At most `metaBytesMax`. */
  readonly meta?: Uint8Array;
  readonly ttlMs?: number;
  /** The write is done only where the key has this revision; left out: whatever it has. */
  readonly ifRevision?: Revision;
}

export type CommitResult =
  /** In the order of the writes; 0 for a delete. */
  | { readonly kind: 'done'; readonly revisions: readonly Revision[] }
  /** Nothing was written, because these keys had other revisions. */
  | { readonly kind: 'conflict'; readonly keys: readonly Uint8Array[] };

/**
 * One write that depends on what is there. Anybody could do it by reading and committing again and
 * again; the engine does it beside the data, so that many at once to one key cost one commit.
 */
export interface Change {
  readonly key: Uint8Array;
  /**
   * `add` stores only where the key is absent; `append` and `prepend` store where it is absent;
   * `increment` takes the value for a decimal number of 64 bits, an absent one for 0.
   */
  readonly op: 'put' | 'add' | 'append' | 'prepend' | 'increment' | 'delete';
  readonly value?: Uint8Array;
  /** `append`, `prepend` and `increment` leave the meta that is there when it is left out. */
  readonly meta?: Uint8Array;
  /** Left out: `append`, `prepend` and `increment` leave the expiry that is there. */
  readonly ttlMs?: number;
  readonly ifRevision?: Revision;
  /** Of an `increment`. */
  readonly by?: bigint;
}

export type ChangeResult =
  | {
      readonly kind: 'done';
      /** What the key had at the moment before; 0: it was absent. */
      readonly before: Revision;
      /** What it has now. */
      readonly revision: Revision;
      /** After an `increment`. */
      readonly number?: bigint;
    }
  /** `ifRevision` did not hold; nothing was written. */
  | { readonly kind: 'conflict'; readonly before: Revision };

export interface ReadOptions {
  /** Asks the authority, not a copy. Still do not decide by it: use a write with a condition. */
  readonly fresh?: boolean;
  readonly signal?: AbortSignal;
}

export interface WriteOptions {
  /** How long the answer may take. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
}

export interface ListedKey {
  readonly key: Uint8Array;
  /** Of its value. */
  readonly bytes: number;
  readonly revision: Revision;
}

export interface ListOptions {
  readonly prefix: Uint8Array;
  /** Keys after this one. */
  readonly after?: Uint8Array;
  readonly limit: number;
}

/** `reset`: something may have changed anywhere in the space: read again. */
export type Notice = { readonly key: Uint8Array; readonly revision: Revision } | 'reset';

export interface Watch {
  /** From then on every commit is told at least once. */
  readonly ready: Promise<void>;
  close(): void;
}

export interface StoredBlob {
  readonly digest: Digest;
  /** Milliseconds since the Unix epoch. */
  readonly storedAtMs: number;
}

/** Whole files by the SHA-256 of their bytes. */
export interface Blobs {
  /** Durable when it resolves. Rejects with StoreError `input` when the digest is another. */
  put(digest: Digest, bytes: Uint8Array): Promise<void>;
  /** Undefined when it is not there, or its bytes are not those of the digest any more. */
  get(digest: Digest): Promise<Uint8Array | undefined>;
  list(): AsyncIterable<StoredBlob>;
  /**
   * Removes what was stored then; whether it was there. What was stored again since stays: whoever
   * did so is about to name it.
   */
  remove(blob: StoredBlob): Promise<boolean>;
  /** Those that records of the area `deploy` name; left out where only one machine has them. */
  named?(): Promise<ReadonlySet<Digest>>;
  /**
   * Removes parts of files that were being stored before then and never became whole; how many
   * files. Left out where nothing of that stays.
   *
   * @param beforeMs Milliseconds since the Unix epoch.
   */
  removeLoose?(beforeMs: number): Promise<number>;
}

/** All of its promises reject with StoreError alone. */
export interface SharedStore {
  /** In the order of the keys. */
  read(
    space: Space,
    keys: readonly Uint8Array[],
    options?: ReadOptions,
  ): Promise<readonly (Entry | undefined)[]>;
  commit(space: Space, writes: readonly Write[], options: WriteOptions): Promise<CommitResult>;
  change(space: Space, change: Change, options: WriteOptions): Promise<ChangeResult>;
  /** By key bytes. A key that is there all the time appears once; it is no snapshot. */
  list(
    space: Space,
    options: ListOptions,
  ): Promise<{ readonly items: readonly ListedKey[]; readonly isLast: boolean }>;
  watch(space: Space, listener: (notice: Notice) => void): Watch;
  readonly blobs: Blobs;
  /** How the copies of its parts are; left out where there is one copy, on this machine. */
  streams?(): Promise<readonly StreamState[]>;
  /** `waiting`: no writer right now; what can be read is read. `refused`: an operator must act. */
  readonly state: 'ready' | 'waiting' | 'refused';
  /** Called at each change of `state`. */
  onState(listener: () => void): void;
  close(): Promise<void>;
}

/**
 * `input`: what was asked for makes no sense. `limit`: of a key, value, space or owner. `full`: the
 * engine has no room. `unavailable`: nothing was stored. `unknown`: it may have been stored; read
 * it again. `refused`: trying again is no use, an operator must act.
 */
export type StoreErrorKind = 'input' | 'limit' | 'full' | 'unavailable' | 'unknown' | 'refused';

/** `message` reads "Cannot X: rule: received Y" and names no path of this machine. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly kind: StoreErrorKind;

  constructor(kind: StoreErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
