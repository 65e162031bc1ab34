/** What the keeper of the caches holds: objects, and bodies in memory that all threads see. */
import type { FolderKey, OwnerKey } from '../../names.ts';
import type { ObjectOptions } from './contract.ts';
import type { BodyState, WireObject } from './messages.ts';

/** What an object weighs beside what is in it: small ones are bounded, too. */
const overheadBytes = 1_024;
/** The same for each surrogate key, which stands in an index of its own. */
const overheadPerKeyBytes = 128;

/** One body, which several objects have one after another where only their options change. */
export interface StoredBody {
  readonly id: number;
  readonly blocks: SharedArrayBuffer[];
  /** So much of the blocks is filled. */
  bytes: number;
  /** Of the blocks. */
  heldBytes: number;
  state: BodyState;
  /** By which it is found now. */
  object: StoredObject | undefined;
  /** Threads that read it while it grows. */
  readonly readers: Set<BodyReader>;
}

export interface BodyReader {
  tellGrown(body: StoredBody, blocks: readonly SharedArrayBuffer[]): void;
  tellEnded(body: StoredBody): void;
}

export interface StoredObject {
  readonly id: number;
  readonly folderKey: FolderKey;
  readonly owner: OwnerKey;
  readonly options: ObjectOptions;
  /** By the keeper's clock. */
  readonly storedAtMs: number;
  readonly body: StoredBody;
  readonly baseBytes: number;
  /** Says only that it cannot be cached. */
  readonly isMarker: boolean;
  isSoftPurged: boolean;
  hits: number;
}

/** What an object counts for. */
export function weightOf({ baseBytes, body }: StoredObject): number {
  return baseBytes + body.heldBytes;
}

/** The same without its body; `names`: what stands in tables to find it by. */
export function baseBytesOf(names: readonly string[], options: ObjectOptions): number {
  const { metadata, surrogateKeys, varyBy } = options;
  let bytes = overheadBytes + metadata.length;
  for (const name of names) bytes += name.length;
  for (const name of varyBy) bytes += name.length;
  for (const one of surrogateKeys) bytes += one.length + overheadPerKeyBytes;
  return bytes;
}

export function newBody(id: number): StoredBody {
  return {
    ...{ id, blocks: [], bytes: 0, heldBytes: 0, state: 'growing' },
    object: undefined,
    readers: new Set(),
  };
}

export function ageMsOf({ options, storedAtMs }: StoredObject, nowMs: number): number {
  return options.initialAgeMs + (nowMs - storedAtMs);
}

export function isFresh(object: StoredObject, nowMs: number): boolean {
  return !object.isSoftPurged && ageMsOf(object, nowMs) < object.options.maxAgeMs;
}

export function isUsable(object: StoredObject, nowMs: number): boolean {
  const { maxAgeMs, staleWhileRevalidateMs } = object.options;
  return ageMsOf(object, nowMs) < maxAgeMs + staleWhileRevalidateMs;
}

export function toWire(object: StoredObject, nowMs: number, isChosen = false): WireObject {
  const { body, hits, id, isSoftPurged, options } = object;
  return {
    ...{ id, options, hits, isSoftPurged, isChosen },
    ageMs: ageMsOf(object, nowMs),
    body: { id: body.id, blocks: body.blocks, bytes: body.bytes, state: body.state },
  };
}
