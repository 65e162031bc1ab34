/** A scheduler over a real store, with a clock that the test turns. */
import { defaultLimits, type Limits } from '../../../src/config/config.ts';
import { CronClaims } from '../../../src/daemon/cron/claims.ts';
import { LastHosts } from '../../../src/daemon/cron/last-hosts.ts';
import { CronScheduler } from '../../../src/daemon/cron/scheduler.ts';
import { type FolderKey, type HostName, ownerOf } from '../../../src/names.ts';
import { openStoreClient } from '../../../src/outside/store/open.ts';
import { storePath } from '../../../src/outside/store/sqlite-schema.ts';
import { type StoreKeeper, startStoreKeeper } from '../../../src/outside/store/store-keeper.ts';
import { parseManifest } from '../../../src/site/manifest.ts';
import { parseSettings } from '../../../src/site/settings.ts';
import type { Site } from '../../../src/site/table.ts';
import type { CronEnd, CronOrder } from '../../../src/threads/messages.ts';
import { LogBook, Scratch } from '../../deploy/world.ts';

export const folderKey = '/keybase/private/alice,bot' as FolderKey;

export function siteWith(text: string, key = folderKey): Site {
  return {
    folderKey: key,
    owner: ownerOf(key),
    directory: '/nowhere',
    mountDirectory: '/nowhere',
    generation: 1,
    manifest: parseManifest(undefined, 1),
    failure: undefined,
    settings: parseSettings(Buffer.from(text), 1e6),
    modules: new Map(),
  };
}

export class CronStage implements AsyncDisposable {
  readonly scratch = new Scratch();
  readonly #keeper: StoreKeeper;
  readonly #closing: (() => Promise<void>)[] = [];
  nowMs = Date.parse('2026-03-01T00:00:30Z');
  /** What the record of any name leads to. */
  leadsHere = true;

  constructor() {
    this.#keeper = startStoreKeeper({
      databasePath: storePath(this.scratch.directory),
      synchronous: 'normal',
      limits: defaultLimits,
      onTrouble: (message) => {
        throw new Error(message);
      },
    });
  }

  openStore() {
    const store = openStoreClient(this.#keeper.connect(), this.scratch.directory);
    this.#closing.push(() => store.close());
    return store;
  }

  openHosts(isFolderMode = false): LastHosts {
    return new LastHosts({
      store: this.openStore(),
      isFolderMode,
      leadsTo: async () => this.leadsHere,
      nowMs: () => this.nowMs,
    });
  }

  /** One daemon with its own way to the store. */
  openDaemon(node: string, site: () => Site, limits: Partial<Limits> = {}): TestCron {
    const hosts = this.openHosts();
    hosts.note('www.example.com' as HostName, folderKey);
    const claims = new CronClaims({ store: this.openStore(), node });
    const daemon = new TestCron();
    const scheduler = new CronScheduler({
      claims,
      hosts,
      siteOf: async () => site(),
      run: (order) => daemon.run(order),
      journal: daemon.journal,
      limits: { ...defaultLimits, ...limits },
      nowMs: () => this.nowMs,
    });
    daemon.scheduler = scheduler;
    return daemon;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closing) await close();
    await this.#keeper.close();
    this.scratch[Symbol.dispose]();
  }
}

export class TestCron {
  readonly journal = new LogBook();
  readonly orders: CronOrder[] = [];
  scheduler: CronScheduler | undefined;
  /** What a run waits for before it ends. */
  gate: Promise<unknown> = Promise.resolve();

  async run(order: CronOrder): Promise<CronEnd> {
    this.orders.push(order);
    await this.gate;
    return { status: 200, outcome: 'replied', requestId: 'r-1' };
  }

  get kinds(): readonly string[] {
    return this.journal.entries.map(({ kind }) => kind);
  }

  get times(): readonly string[] {
    return this.orders.map(({ scheduledAt }) => scheduledAt);
  }

  /** Looks at the clock and waits for all that begins. */
  async look(): Promise<void> {
    this.scheduler?.look();
    await this.scheduler?.settled();
  }

  async learn(site: Site): Promise<void> {
    this.scheduler?.learn(site);
    await this.scheduler?.settled();
  }
}
