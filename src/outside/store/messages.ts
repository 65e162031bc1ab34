/** What crosses between the clients of the store, the control plane and the one store thread. */
import type { MessagePort } from 'node:worker_threads';
import type { Limits } from '../../config/config.ts';
import type { Digest, FolderKey } from '../../names.ts';
import type {
  Area,
  Change,
  Entry,
  ListedKey,
  ListOptions,
  Notice,
  Revision,
  SharedStore,
  Space,
  StoredBlob,
  StoreErrorKind,
} from './contract.ts';
import type { StreamState } from './nats/stream-state.ts';
import type { Synchronous } from './sqlite-schema.ts';

/**
 * One write. `key`, `value` and `meta` own their buffers: they are moved, not copied. What is left
 * out takes no time to send: most writes have none of it.
 */
export interface SentWrite {
  readonly key: Uint8Array<ArrayBuffer>;
  readonly op: Change['op'];
  readonly value: Uint8Array<ArrayBuffer>;
  readonly meta?: Uint8Array<ArrayBuffer>;
  /** Milliseconds since the Unix epoch, by the asker's clock. */
  readonly expiresAtMs?: number;
  readonly ifRevision?: Revision;
  readonly by?: bigint;
}

/** All of `writes` or none. */
export interface WriteRequest extends Space {
  readonly id: number;
  /** The asker's clock, by which entries have expired. */
  readonly nowMs: number;
  /** How long the answer may take, where the writer has to wait for an engine. */
  readonly waitMs: number;
  readonly writes: readonly SentWrite[];
}

export interface WriteDone {
  /** What each key had before, and what it has now. */
  readonly before: readonly Revision[];
  readonly revisions: readonly Revision[];
  /** After a lone `increment`. */
  readonly number?: bigint;
}

/** Sent after the commit. */
export type WriteAnswer =
  | ({ readonly id: number; readonly kind: 'done' } & WriteDone)
  /** `at`: which of the writes had another revision, and which one. */
  | {
      readonly id: number;
      readonly kind: 'conflict';
      readonly at: readonly number[];
      readonly before: readonly Revision[];
    }
  | { readonly id: number; readonly kind: 'error'; readonly error: StoreErrorRecord };

/** A StoreError as plain data: structured cloning loses classes. */
export interface StoreErrorRecord {
  readonly kind: StoreErrorKind;
  readonly message: string;
}

export type ToStore =
  | { readonly kind: 'write'; readonly requests: readonly WriteRequest[] }
  /** `id` is the client's own. Answered by `watching`. */
  | { readonly kind: 'watch'; readonly id: number; readonly space: Space }
  | { readonly kind: 'unwatch'; readonly id: number }
  /** What a client cannot read by itself. Answered by `told`. */
  | { readonly kind: 'ask'; readonly id: number; readonly question: StoreQuestion };

export type StoreQuestion =
  | {
      readonly what: 'read';
      readonly space: Space;
      readonly keys: readonly Uint8Array[];
      readonly fresh: boolean;
    }
  | { readonly what: 'list'; readonly space: Space; readonly options: ListOptions }
  | { readonly what: 'put-blob'; readonly digest: Digest; readonly bytes: Uint8Array }
  | { readonly what: 'get-blob'; readonly digest: Digest }
  | { readonly what: 'remove-blob'; readonly blob: StoredBlob }
  | { readonly what: 'remove-loose'; readonly beforeMs: number }
  | { readonly what: 'list-blobs' | 'named-digests' | 'streams' };

export type StoreReply =
  | { readonly kind: 'entries'; readonly entries: readonly (Entry | undefined)[] }
  | { readonly kind: 'page'; readonly items: readonly ListedKey[]; readonly isLast: boolean }
  | { readonly kind: 'blob'; readonly bytes: Uint8Array | undefined }
  | { readonly kind: 'removed'; readonly count: number }
  | { readonly kind: 'blobs'; readonly blobs: readonly StoredBlob[] }
  | { readonly kind: 'digests'; readonly digests: ReadonlySet<Digest> }
  | { readonly kind: 'streams'; readonly streams: readonly StreamState[] }
  | { readonly kind: 'done' }
  | { readonly kind: 'error'; readonly error: StoreErrorRecord };

export type FromStore =
  | { readonly kind: 'answers'; readonly answers: readonly WriteAnswer[] }
  | { readonly kind: 'watching'; readonly id: number }
  | { readonly kind: 'told'; readonly id: number; readonly reply: StoreReply }
  /** Of a writer that depends on an engine. */
  | { readonly kind: 'state'; readonly state: SharedStore['state'] }
  | { readonly kind: 'notices'; readonly id: number; readonly notices: readonly Notice[] };

/**
 * Control plane to client. A store thread that crashed is replaced, so a client holds a lasting
 * port to the control plane and gets over it the port to each new one.
 */
export type ToClient =
  | { readonly kind: 'writer'; readonly port: MessagePort }
  | { readonly kind: 'broken'; readonly message: string };

/** Control plane to store thread. */
export type ToWriter =
  | { readonly kind: 'connect'; readonly port: MessagePort }
  | { readonly kind: 'reclaim'; readonly changes: readonly SpaceChange[] }
  | { readonly kind: 'close' };

/** What has become of what a space belongs to. */
export interface SpaceChange extends Space {
  /** `gone`: since when is remembered; `forgotten`: what it holds is deleted. */
  readonly change: 'gone' | 'back' | 'forgotten';
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
}

/** Store thread to control plane. */
export type FromWriter =
  | { readonly kind: 'ready' }
  | { readonly kind: 'trouble'; readonly message: string }
  | { readonly kind: 'broken'; readonly message: string }
  | { readonly kind: 'engine'; readonly engine: EngineState }
  /** The engine has no room, told once a minute. */
  | { readonly kind: 'full'; readonly message: string };

/** How the engine of an installation of several nodes is. */
export interface EngineState {
  readonly state: SharedStore['state'];
  /** Why it is refused; undefined in any other state. */
  readonly reason: string | undefined;
  /** It is refused because what this node knew is not there any more. */
  readonly isLost: boolean;
  /** Whether it was reached since the daemon was started. */
  readonly isOpened: boolean;
  /** The server that the node is connected to; empty without one. */
  readonly server: string;
  /** By how many milliseconds this node's clock is ahead of the engine's; negative: behind. */
  readonly clockOffsetMs: number;
}

/** What guests may store: checked where it is stored, because it depends on what is there. */
export type StoreLimits = Pick<
  Limits,
  | 'kvValueBytesMax'
  | 'kvNamespaceBytesMax'
  | 'kvNamespaceKeysMax'
  | 'kvOwnerBytesMax'
  | 'kvBytesMax'
>;

/** `workerData` of the store thread. */
export interface StoreStart {
  readonly databasePath: string;
  /** For guests' data. The daemon's own is always on the disk before it is answered. */
  readonly synchronous: Synchronous;
  readonly limits: StoreLimits;
  /** One double: what guests have stored, in bytes, for whoever watches the daemon. */
  readonly guestBytes: SharedArrayBuffer;
  /** Files of earlier releases that are to be taken over, once. */
  readonly legacy?: LegacyFiles | undefined;
  /** A folder that has another key from now on: what its modules stored goes with it. */
  readonly renamed?: { readonly from: FolderKey; readonly to: FolderKey } | undefined;
}

export interface LegacyFiles {
  /** `kv.sqlite` and `tls.sqlite` lie here. */
  readonly directory: string;
}

export type { Area };
