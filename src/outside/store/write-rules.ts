/** What a commit may hold, whatever the engine: checked where it is asked for, once. Pure. */
import { inBytes } from '../../amounts.ts';
import { type Change, StoreError, type Write } from './contract.ts';

/**
 * The longest key. The empty one is allowed, because guests may have stored under it, and every
 * engine can put a letter before it.
 */
export const keyBytesMax = 4_096;
export const metaBytesMax = 2_000;
/** An engine of several machines takes 1,000 messages in a batch; one of them is the usage. */
export const writesPerCommitMax = 999;
export const commitBytesMax = 16 * 1024 * 1024;

/** @throws StoreError `limit`, `input` for a key that is named twice */
export function requireCommit(writes: readonly Write[]): void {
  if (writes.length > writesPerCommitMax) {
    throw limit(`a commit has at most ${writesPerCommitMax} writes`, `${writes.length}`);
  }
  let bytes = 0;
  const seen = new Set<string>();
  for (const write of writes) {
    requireKey(write.key);
    requireMeta(write);
    bytes += write.key.byteLength + (write.value?.byteLength ?? 0) + (write.meta?.byteLength ?? 0);
    if (writes.length > 1) seen.add(Buffer.from(write.key).toString('latin1'));
  }
  if (writes.length > 1 && seen.size < writes.length) {
    throw new StoreError('input', 'Cannot store: a commit names each key once: received one twice');
  }
  // A lone value has a limit of its own, which may be larger.
  if (writes.length > 1 && bytes > commitBytesMax) {
    throw limit(`a commit has at most ${inBytes(commitBytesMax)}`, `${bytes}`);
  }
}

/** @throws StoreError `limit` */
export function requireChange(change: Change): void {
  requireKey(change.key);
  requireMeta(change);
}

function requireKey(key: Uint8Array): void {
  if (key.byteLength <= keyBytesMax) return;
  throw limit(`a key has at most ${inBytes(keyBytesMax)}`, `${key.byteLength}`);
}

function requireMeta({ meta }: { readonly meta?: Uint8Array }): void {
  if (meta === undefined || meta.byteLength <= metaBytesMax) return;
  throw limit(`what is noted of a key has at most ${inBytes(metaBytesMax)}`, `${meta.byteLength}`);
}

function limit(rule: string, received: string): StoreError {
  return new StoreError('limit', `Cannot store: ${rule}: received ${received}`);
}
