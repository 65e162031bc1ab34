/** The caches of sites: kept by the control plane, their bytes in memory that all threads see. */
import type { MessagePort } from 'node:worker_threads';
import type { CapabilityDefinition, ControlSide, ControlWorld } from '../definition.ts';
import { CacheClient } from './client.ts';
import type { Cache } from './contract.ts';
import { CacheKeeper } from './keeper.ts';
import type { CacheCounts } from './shelves.ts';

interface CacheSpeech {
  readonly start: { readonly port: MessagePort };
}

/** What the operator may know of it, beside what every control side does. */
export class CacheControl implements ControlSide<CacheSpeech> {
  readonly #keeper: CacheKeeper;

  constructor({ account, config }: ControlWorld<CacheSpeech>) {
    const nowMs = (): number => performance.now();
    this.#keeper = new CacheKeeper({ limits: config.limits, account, nowMs });
  }

  connectThread() {
    const port = this.#keeper.connect();
    return { start: { port }, transfer: [port] };
  }

  get counts(): Readonly<CacheCounts> {
    return this.#keeper.counts;
  }

  /** What the caches of all sites hold. */
  get held(): { readonly bytes: number; readonly objects: number } {
    const { bytes, objects } = this.#keeper.room;
    return { bytes, objects };
  }

  close(): Promise<void> {
    this.#keeper.close();
    return Promise.resolve();
  }
}

export const cacheCapability: CapabilityDefinition<Cache, CacheClient, CacheSpeech, CacheControl> =
  {
    openControl: (world) => new CacheControl(world),
    openThread: ({ account, config }, { start }) =>
      new CacheClient({
        ...{ account, limits: config.limits, port: start.port },
        nowMs: () => performance.now(),
      }),
    lend: (client, run) => client.forRun(run),
    closeThread: (client) => client.close(),
  };
