/** Keys of a key-value store, some at a time. */
import { Buffer } from 'node:buffer';
import type { KeyValueStore } from '../../../capability/kv/contract.ts';
import { type KvResult, kvError } from './kv-operation.ts';

export interface ListAsked {
  /** From the listing before: the last key, in Base64. */
  readonly cursor: string | undefined;
  readonly limit: number;
  readonly prefix: string | undefined;
}

const noBytes = new Uint8Array(0);
const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

export async function list(
  store: KeyValueStore,
  { cursor, limit, prefix }: ListAsked,
): Promise<KvResult> {
  if (cursor !== undefined && !base64.test(cursor)) {
    return { kind: 'failed', error: kvError.badRequest };
  }
  const { keys, isLast } = await store.list({
    prefix: prefix === undefined ? noBytes : Buffer.from(prefix),
    limit,
    ...(cursor === undefined ? {} : { after: Buffer.from(cursor, 'base64') }),
  });
  const last = keys.at(-1);
  const meta = {
    limit,
    ...(prefix === undefined ? {} : { prefix }),
    ...(isLast || last === undefined ? {} : { next_cursor: Buffer.from(last).toString('base64') }),
  };
  const data = keys.map((key) => Buffer.from(key).toString('utf8'));
  return { kind: 'listing', json: JSON.stringify({ data, meta }) };
}
