/** What crosses between the clients of the store, the control plane and the one store thread. */
import type { MessagePort } from 'node:worker_threads';
import type { Limits } from '../../config/config.ts';
import type { FolderKey } from '../../names.ts';
import type { Area, Change, Notice, Revision, Space, StoreErrorKind } from './contract.ts';
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
  | { readonly kind: 'unwatch'; readonly id: number };

export type FromStore =
  | { readonly kind: 'answers'; readonly answers: readonly WriteAnswer[] }
  | { readonly kind: 'watching'; readonly id: number }
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
  | { readonly kind: 'broken'; readonly message: string };

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
