/** The scheduler of a daemon with all that it needs; and the folders whose times nobody visits. */
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { Config } from '../../config/config.ts';
import { readRecords } from '../../deploy/keep/record-files.ts';
import type { Publisher } from '../../deploy/publish.ts';
import { describeError, TerrafirmaError } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import { type FolderKey, type HostName, type ModulePath, parseFolderPath } from '../../names.ts';
import type { Resolver } from '../../outside/dns/dns.ts';
import type { SharedStore } from '../../outside/store/contract.ts';
import type { HostRules } from '../../site/hosts.ts';
import type { CronEntry } from '../../site/settings/cron.ts';
import type { Site } from '../../site/table.ts';
import type { CronEnd, CronOrder } from '../../threads/messages.ts';
import type { Places } from '../places.ts';
import { CronClaims } from './claims.ts';
import { LastHosts } from './last-hosts.ts';
import { CronScheduler } from './scheduler.ts';

export interface CronParts {
  readonly config: Config;
  readonly journal: Journal;
  readonly store: SharedStore;
  readonly places: Pick<Places, 'folder' | 'locator'>;
  readonly publisher: Publisher;
  readonly resolver: Pick<Resolver, 'record'>;
  readonly hostRules: HostRules;
  readonly call: (order: CronOrder, limitMs: number) => Promise<CronEnd>;
}

/** Beyond its wall-clock limit a run may wait for its module to be compiled. */
const callGraceMs = 10_000;
const nodeDigits = 16;

export class Cron {
  readonly #parts: CronParts;
  readonly #hosts: LastHosts;
  readonly #scheduler: CronScheduler;

  constructor(parts: CronParts) {
    const { config, journal, store } = parts;
    const { limits, stateDirectory } = config;
    this.#parts = parts;
    this.#hosts = new LastHosts({
      store,
      isFolderMode: parts.places.folder !== undefined,
      leadsTo: (hostName, folderKey) => this.#leadsTo(hostName, folderKey),
      nowMs: Date.now,
    });
    const node = createHash('sha256').update(`${hostname()}\0${stateDirectory}`).digest('hex');
    const limitMs = limits.wallMsMax + limits.verdictWaitMs + callGraceMs;
    this.#scheduler = new CronScheduler({
      claims: new CronClaims({ store, node: node.slice(0, nodeDigits) }),
      hosts: this.#hosts,
      siteOf: (folderKey, modulePath) => this.#siteWith(folderKey, modulePath),
      run: (order) => parts.call(order, limitMs),
      journal,
      limits,
      nowMs: Date.now,
    });
  }

  /** From now on modules are called; first those of folders that are known from before. */
  async start(): Promise<void> {
    const { journal, publisher } = this.#parts;
    publisher.onPublish((site) => this.#scheduler.learn(site));
    try {
      await this.#scheduler.start();
      await this.#learnKept();
    } catch (error) {
      journal.tell('cron-trouble', { reason: describeError(error) });
    }
  }

  async #learnKept(): Promise<void> {
    const { config, journal } = this.#parts;
    for (const record of await readRecords(config.stateDirectory, journal)) {
      const mayHaveTimes = record.settings?.includes('cron') === true;
      if (!mayHaveTimes || record.goneAtMs !== undefined) continue;
      try {
        this.#scheduler.learn(await this.#siteOf(record.folderKey));
      } catch (error) {
        // A folder that is away now is heard of when it is back.
        if (error instanceof TerrafirmaError) continue;
        journal.tell('cron-trouble', { reason: describeError(error) });
      }
    }
  }

  note(hostName: HostName, folderKey: FolderKey): void {
    this.#hosts.note(hostName, folderKey);
  }

  /** See `CronScheduler.runNow`. */
  runNow(folderKey: FolderKey, entry: CronEntry): Promise<CronEnd> {
    return this.#scheduler.runNow(folderKey, entry);
  }

  /** Begins nothing more; what has begun goes on. */
  rest(): void {
    this.#scheduler.rest();
  }

  /** After the serving threads have ended: notes how the last calls ended. */
  async close(): Promise<void> {
    this.#scheduler.rest();
    await this.#scheduler.settled();
  }

  /** After a start, a module may be known and still without a verdict. */
  async #siteWith(folderKey: FolderKey, modulePath: ModulePath): Promise<Site> {
    const site = await this.#siteOf(folderKey);
    if (site.modules.has(modulePath)) return site;
    return this.#parts.publisher.verdict(folderKey, modulePath);
  }

  async #siteOf(folderKey: FolderKey): Promise<Site> {
    const { hostRules, places, publisher } = this.#parts;
    const { folder, locator } = places;
    if (folder !== undefined) return publisher.siteOf(folder);
    const path = parseFolderPath(folderKey);
    hostRules.checkFolder(path);
    return publisher.siteOf(await locator.locate(path));
  }

  async #leadsTo(hostName: HostName, folderKey: FolderKey): Promise<boolean> {
    const lookup = await this.#parts.resolver.record(hostName);
    return lookup.kind === 'found' && lookup.value.key === folderKey;
  }
}
