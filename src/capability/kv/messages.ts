/** What crosses between the key-value clients, the control plane and the one writer thread. */
import type { MessagePort } from 'node:worker_threads';
import type { Limits } from '../../config/config.ts';
import type { FolderKey, ModulePath } from '../../names.ts';
import type { RefusalKind } from '../refusal.ts';

export type WriteOperation = 'insert' | 'insert-if-absent' | 'append' | 'remove';

/** What one module of one folder has stored. */
export interface NamespaceName {
  readonly folderKey: FolderKey;
  readonly modulePath: ModulePath;
}

/** One write. `key` and `value` own their buffers: cloning a view would copy all it looks into. */
export interface WriteRequest extends NamespaceName {
  readonly id: number;
  readonly operation: WriteOperation;
  readonly key: Uint8Array<ArrayBuffer>;
  /** Empty for `remove`. */
  readonly value: Uint8Array<ArrayBuffer>;
}

/** `wasPresent` is about the moment before the operation. Sent after the commit. */
export type WriteAnswer =
  | { readonly id: number; readonly wasPresent: boolean }
  | { readonly id: number; readonly refusal: RefusalRecord };

/** A CapabilityRefusal as plain data: structured cloning loses classes. */
export interface RefusalRecord {
  readonly kind: RefusalKind;
  readonly message: string;
}

/**
 * Control plane to client. A writer that crashed is replaced, so a client holds a lasting port to
 * the control plane and gets over it the port to each new writer.
 */
export type ToClient =
  | { readonly kind: 'writer'; readonly port: MessagePort }
  | { readonly kind: 'broken'; readonly message: string };

/** Control plane to writer thread. */
export type ToWriter =
  | { readonly kind: 'connect'; readonly port: MessagePort }
  | { readonly kind: 'reclaim'; readonly changes: readonly NamespaceChange[] }
  | { readonly kind: 'close' };

/** What has become of the module of a namespace. */
export interface NamespaceChange extends NamespaceName {
  /** `gone`: since when is remembered; `forgotten`: what it stored is deleted. */
  readonly change: 'gone' | 'back' | 'forgotten';
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
}

/** Writer thread to control plane. */
export type FromWriter =
  | { readonly kind: 'ready' }
  | { readonly kind: 'broken'; readonly message: string };

/** What only the writer can check, because it depends on what is stored. */
export type StoreLimits = Pick<
  Limits,
  | 'kvValueBytesMax'
  | 'kvNamespaceBytesMax'
  | 'kvNamespaceKeysMax'
  | 'kvOwnerBytesMax'
  | 'kvBytesMax'
>;

/** `workerData` of the writer thread. */
export interface WriterStart {
  readonly databasePath: string;
  readonly synchronous: 'normal' | 'full';
  readonly limits: StoreLimits;
  /** A folder that has another key from now on: what its modules stored goes with it. */
  readonly renamed?: { readonly from: FolderKey; readonly to: FolderKey } | undefined;
}
