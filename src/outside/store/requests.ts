/** What callers ask for → what is sent to the writer, and its answers back. Pure. */
import {
  type Change,
  type ChangeResult,
  type CommitResult,
  type Space,
  StoreError,
  type Write,
} from './contract.ts';
import type { SentWrite, StoreErrorRecord, WriteAnswer, WriteRequest } from './messages.ts';

const noBytes = new Uint8Array(0);

/**
 * Takes copies: a guest's memory may change or be given to the next run before the writer has
 * looked, and what is copied can be moved to it.
 */
export function requestOf(
  id: number,
  space: Space,
  asked: {
    readonly writes: readonly (Write | Change)[];
    readonly nowMs: number;
    readonly waitMs: number;
  },
): WriteRequest {
  const { writes, nowMs, waitMs } = asked;
  const { area, name } = space;
  return { id, area, name, nowMs, waitMs, writes: writes.map((write) => sent(write, nowMs)) };
}

function sent(write: Write | Change, nowMs: number): SentWrite {
  const { key, op, value, meta, ttlMs, ifRevision } = write;
  const by = 'by' in write ? write.by : undefined;
  return {
    key: new Uint8Array(key),
    op,
    value: new Uint8Array(value ?? noBytes),
    ...(meta === undefined ? {} : { meta: new Uint8Array(meta) }),
    ...(ttlMs === undefined ? {} : { expiresAtMs: Math.round(nowMs + ttlMs) }),
    ...(ifRevision === undefined ? {} : { ifRevision }),
    ...(by === undefined ? {} : { by }),
  };
}

/** Key, value and meta of all writes, in bytes. */
export function bytesOf(request: WriteRequest): number {
  let bytes = 0;
  for (const { key, value, meta } of request.writes) {
    bytes += key.byteLength + value.byteLength + (meta?.byteLength ?? 0);
  }
  return bytes;
}

/** @throws StoreError */
export function commitResult(answer: WriteAnswer, writes: readonly Write[]): CommitResult {
  if (answer.kind === 'error') throw fromRecord(answer.error);
  if (answer.kind === 'done') return { kind: 'done', revisions: answer.revisions };
  const keys = answer.at.flatMap((index) => writes[index]?.key ?? []);
  return { kind: 'conflict', keys };
}

/** @throws StoreError */
export function changeResult(answer: WriteAnswer): ChangeResult {
  if (answer.kind === 'error') throw fromRecord(answer.error);
  const [before = 0] = answer.before;
  if (answer.kind === 'conflict') return { kind: 'conflict', before };
  const [revision = 0] = answer.revisions;
  const { number } = answer;
  return { kind: 'done', before, revision, ...(number === undefined ? {} : { number }) };
}

export function fromRecord({ kind, message }: StoreErrorRecord): StoreError {
  return new StoreError(kind, message);
}
