/** A keeper of caches with the clients of two threads, and runs on them; a clock that is turned. */
import { afterEach, beforeEach, expect } from 'vitest';
import { Account } from '../../../src/account/account.ts';
import { createSharedAccount } from '../../../src/account/shared.ts';
import { CacheClient } from '../../../src/capability/cache/client.ts';
import type { Cache, FoundObject, ObjectOptions } from '../../../src/capability/cache/contract.ts';
import { CacheKeeper } from '../../../src/capability/cache/keeper.ts';
import { defaultLimits, type Limits } from '../../../src/config/config.ts';
import type { FolderKey } from '../../../src/names.ts';
import { address, alice, bodyOf, options, readAll } from './cache-bodies.ts';

export { address, alice, bodyOf, openBody, options, readAll } from './cache-bodies.ts';

export const bob = '/keybase/public/bob' as FolderKey;

/** Call it once, at the top of a test file. */
export function useCache(): CacheBench {
  const bench = new CacheBench();
  beforeEach(() => bench.start());
  afterEach(() => bench.stop());
  return bench;
}

export class CacheBench {
  nowMs = 1_000_000;
  account = openAccount();
  readonly #keepers: CacheKeeper[] = [];
  readonly #clients: CacheClient[] = [];

  start(): void {
    this.nowMs = 1_000_000;
    this.account = openAccount();
  }

  stop(): void {
    for (const client of this.#clients.splice(0)) client.close();
    for (const keeper of this.#keepers.splice(0)) keeper.close();
  }

  openKeeper(limits: Partial<Limits> = {}): CacheKeeper {
    const keeper = new CacheKeeper({
      limits: { ...defaultLimits, ...limits },
      account: new Account(this.account, 'control'),
      nowMs: () => this.nowMs,
    });
    this.#keepers.push(keeper);
    return keeper;
  }

  /** As on a thread of its own. */
  openClient(keeper: CacheKeeper, limits: Partial<Limits> = {}): CacheClient {
    const client = new CacheClient({
      port: keeper.connect(),
      limits: { ...defaultLimits, ...limits },
      account: new Account(this.account, 0),
      nowMs: () => this.nowMs,
    });
    this.#clients.push(client);
    return client;
  }

  /** A run of a site on a thread of its own. */
  openRun(keeper: CacheKeeper, folderKey: FolderKey = alice, limits?: Partial<Limits>): Cache {
    return this.openClient(keeper, limits).forRun({ folderKey });
  }
}

export async function textOf(found: FoundObject | undefined): Promise<string> {
  if (found === undefined) throw new Error('nothing was found');
  return await readAll(await found.open());
}

/** Stores it, and waits until all of it is there. */
export async function store(
  cache: Cache,
  key: string,
  text: string,
  more: Partial<ObjectOptions> = {},
): Promise<void> {
  const stored = await cache.insert(address(key), options(more), bodyOf(text));
  expect(await textOf(stored)).toBe(text);
}

export function openAccount(): SharedArrayBuffer {
  return createSharedAccount({ threads: 1, bytesMax: 1024 ** 3, memoriesMax: 100 });
}
