/** The cache of a world: a real keeper and a real client in one thread, and a run after another. */
import { Account } from '../../src/account/account.ts';
import { createSharedAccount } from '../../src/account/shared.ts';
import { CacheClient } from '../../src/capability/cache/client.ts';
import type {
  Cache,
  CacheAddress,
  CacheEntry,
  CacheWait,
  FoundObject,
  ObjectOptions,
  ReplaceStrategy,
} from '../../src/capability/cache/contract.ts';
import { CacheKeeper } from '../../src/capability/cache/keeper.ts';
import { defaultLimits } from '../../src/config/config.ts';
import type { ReadBody } from '../../src/http/body.ts';
import type { FolderKey } from '../../src/names.ts';

const folderKey = '/keybase/public/alice' as FolderKey;

export class WorldCache implements Cache {
  /** Milliseconds; turned by the test. */
  nowMs = 0;
  readonly keeper: CacheKeeper;
  readonly #client: CacheClient;
  #run: Cache;

  constructor() {
    const account = createSharedAccount({ threads: 1, bytesMax: 1024 ** 3, memoriesMax: 1 });
    const nowMs = (): number => this.nowMs;
    this.keeper = new CacheKeeper({
      ...{ limits: defaultLimits, nowMs },
      account: new Account(account, 'control'),
    });
    const port = this.keeper.connect();
    this.#client = new CacheClient({
      ...{ port, limits: defaultLimits, nowMs },
      account: new Account(account, 0),
    });
    port.unref();
    this.#run = this.another();
  }

  /** That of another run of the site. */
  another(): Cache {
    return this.#client.forRun({ folderKey });
  }

  find(address: CacheAddress, wait?: CacheWait): Promise<CacheEntry> {
    return this.#run.find(address, wait);
  }

  enter(address: CacheAddress, wait?: CacheWait): Promise<CacheEntry> {
    return this.#run.enter(address, wait);
  }

  replace(address: CacheAddress, strategy: ReplaceStrategy, wait?: CacheWait): Promise<CacheEntry> {
    return this.#run.replace(address, strategy, wait);
  }

  insert(address: CacheAddress, options: ObjectOptions, body: ReadBody): Promise<FoundObject> {
    return this.#run.insert(address, options, body);
  }

  purge(surrogateKey: string, how: 'hard' | 'soft'): Promise<number> {
    return this.#run.purge(surrogateKey, how);
  }

  apart(): Cache {
    return this.another();
  }

  /** The run is over; the next one may begin. */
  close(): void {
    this.#run.close();
    this.#run = this.another();
  }
}
