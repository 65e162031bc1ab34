/** What the contract of a shared store is tried with: installations, and short words for writes. */
import { createHash } from 'node:crypto';
import type { Digest } from '../../../src/names.ts';
import type { Notice, SharedStore, Space, Write } from '../../../src/outside/store/contract.ts';

/** One installation: everything that `connect` opens shares what is stored. */
export interface Installation {
  /** Another client, as another thread or process would have it. */
  connect(options?: { readonly nowMs?: () => number }): SharedStore;
  /** Everything is closed, and opened again over what is stored. */
  restart(): Promise<void>;
  /** Increments the number at `key`, so often from each of several threads or processes. */
  increment(space: Space, key: string, times: number): Promise<{ readonly counted: number }>;
  end(): Promise<void>;
  /** What others wrote is seen soon, by notices, not at the moment it is done. */
  readonly isFollowing?: boolean;
}

export const space: Space = { area: 'site', name: 'contract' };
export const guests: Space = { area: 'kv', name: '/keybase/public/alice\nkv.wasm' };
export const wait = { deadlineMs: 10_000 };

export function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

export function text(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : new TextDecoder().decode(value);
}

export function put(key: string, value: string, more: Partial<Write> = {}): Write {
  return { key: bytes(key), op: 'put', value: bytes(value), ...more };
}

export async function readText(
  store: SharedStore,
  key: string,
  at = space,
): Promise<string | undefined> {
  return text((await store.read(at, [bytes(key)]))[0]?.value);
}

export async function revisionOf(store: SharedStore, key: string, at = space): Promise<number> {
  return (await store.read(at, [bytes(key)]))[0]?.revision ?? 0;
}

export async function revisions(
  store: SharedStore,
  writes: readonly Write[],
): Promise<readonly number[]> {
  const result = await store.commit(space, writes, wait);
  if (result.kind !== 'done') throw new Error('expected a commit that is done');
  return result.revisions;
}

/** `reset` says that anything may have happened. */
export function hasHeard(notices: readonly Notice[], key: string, revision: number): boolean {
  return notices.some(
    (notice) => notice === 'reset' || (text(notice.key) === key && notice.revision === revision),
  );
}

export function digestOf(content: Uint8Array): Digest {
  return createHash('sha256').update(content).digest('hex') as Digest;
}
