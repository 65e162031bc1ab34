/** Storing a value: the body is read to its end, and then it is one write. */
import { Buffer } from 'node:buffer';
import type { KeyValueStore, StoreChange } from '../../../capability/kv/contract.ts';
import type { ReadBody } from '../../../http/body.ts';
import type { FastlyRun } from '../run.ts';
import { type KvResult, kvError, readWhole } from './kv-operation.ts';

export interface InsertAsked {
  readonly store: KeyValueStore;
  readonly key: string;
  readonly change: Omit<StoreChange, 'key' | 'value'>;
  /** All of it, or what is still arriving. */
  readonly body: Uint8Array | ReadBody;
  readonly bytesMax: number;
  readonly signal: AbortSignal;
}

export async function insert(run: FastlyRun, asked: InsertAsked): Promise<KvResult> {
  const { store, key, change, body, bytesMax, signal } = asked;
  // What is here is sent to the store at once, also where the guest ends without waiting for it.
  const value =
    body instanceof Uint8Array ? body : await readWhole(run, body, { bytesMax, signal });
  if (value === undefined || value.length > bytesMax) {
    const reason = `Cannot store: a value has at most ${bytesMax} bytes: received more`;
    return { kind: 'failed', error: kvError.payloadTooLarge, reason };
  }
  const wanted = { ...change, key: Buffer.from(key), value };
  const first = await store.change(wanted);
  // What is not there has no generation to differ, as the vendor's own store has it.
  const isAbsent = first.kind === 'conflict' && first.before === 0;
  const changed = isAbsent ? await store.change({ ...wanted, ifRevision: 0 }) : first;
  const isThere = change.op === 'add' && changed.before !== 0;
  if (changed.kind === 'conflict' || isThere) {
    return { kind: 'failed', error: kvError.preconditionFailed };
  }
  return { kind: 'done', wasThere: changed.before !== 0 };
}
