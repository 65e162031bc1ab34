/**
 * A serving thread's picture of what is served: which site a host name has, the newest site of
 * each folder, and the compiled modules in use. Asks the control plane once for what it has not;
 * a steady request finds everything here.
 */
import { LRUCache } from 'lru-cache';
import type { Limits } from '../../config/config.ts';
import { type ErrorRecord, fromErrorRecord } from '../../errors.ts';
import type { FolderKey, HostName, ModulePath } from '../../names.ts';
import type { Site } from '../../site/table.ts';
import type { ControlLink } from '../../threads/control-link.ts';
import type { Digest, LoadedModule } from '../../threads/messages.ts';
import { Superseded } from '../../threads/superseded.ts';

/** What a host name was answered with: its folder, or why it has none. */
interface KnownName {
  readonly verdict: FolderKey | ErrorRecord;
  readonly expiresAtMs: number;
}

/** A missing module is asked about again only after this time, however often it is requested. */
const absentTtlMs = 500;
const absentEntriesMax = 10_000;
/** The key of folder mode, where there is one site for every authority. */
const anyName = '';

export interface ReplicaOptions {
  readonly limits: Limits;
  readonly link: ControlLink;
  /** Called with a module that will soon be wanted: its first request need not be the slow one. */
  readonly onModule: (loaded: LoadedModule, site: Site, modulePath: ModulePath) => void;
  /** Called with a new compilation of a module that is in use. */
  readonly onRenewed: (loaded: LoadedModule) => void;
  /** Called with a module that no site serves any more; left out: nobody else holds it. */
  readonly onSuperseded?: (loaded: LoadedModule) => void;
}

export class Replica {
  readonly #onRenewed: (loaded: LoadedModule) => void;
  readonly #onSuperseded: ReplicaOptions['onSuperseded'];
  readonly #link: ControlLink;
  readonly #onModule: ReplicaOptions['onModule'];
  readonly #names: LRUCache<string, KnownName>;
  readonly #sites: LRUCache<FolderKey, Site>;
  readonly #modules: LRUCache<Digest, LoadedModule>;
  readonly #superseded = new Superseded({
    sites: () => this.#sites.values(),
    forget: (digest) => this.#forget(digest),
  });
  readonly #absent = new LRUCache<string, true>({ max: absentEntriesMax, ttl: absentTtlMs });

  constructor(options: ReplicaOptions) {
    const { limits } = options;
    this.#link = options.link;
    this.#onModule = options.onModule;
    this.#onRenewed = options.onRenewed;
    this.#onSuperseded = options.onSuperseded;
    this.#names = new LRUCache({ max: limits.sitesCachedMax });
    this.#sites = new LRUCache({ max: limits.sitesCachedMax });
    this.#modules = new LRUCache({
      maxSize: limits.compiledBytesMax,
      sizeCalculation: (loaded) => Math.max(1, loaded.codeBytes),
    });
  }

  /**
   * The site of a host name. Rejects with why it has none.
   *
   * @param clientAddress The visitor, in whose share a name is looked up that is not known here.
   */
  siteOf(
    hostName: HostName | undefined,
    nowMs: number,
    clientAddress?: string,
  ): Site | Promise<Site> {
    const known = this.#names.get(hostName ?? anyName);
    if (known === undefined || known.expiresAtMs <= nowMs)
      return this.#askSite(hostName, nowMs, clientAddress);
    if (typeof known.verdict !== 'string') throw fromErrorRecord(known.verdict);
    return this.#sites.get(known.verdict) ?? this.#askSite(hostName, nowMs, clientAddress);
  }

  /** The newest site of the folder, once `modulePath` has a verdict or is known to be absent. */
  async siteWithVerdict(site: Site, modulePath: ModulePath): Promise<Site> {
    const key = `${site.folderKey} ${site.generation} ${modulePath}`;
    if (this.#absent.has(key)) return site;
    const { folderKey } = site;
    const newest = await this.#link.ask(
      { ask: 'verdict', folderKey, modulePath },
      `verdict ${folderKey} ${modulePath}`,
    );
    this.learnSite(newest);
    if (!newest.modules.has(modulePath)) {
      this.#absent.set(`${folderKey} ${newest.generation} ${modulePath}`, true);
    }
    return newest;
  }

  moduleOf(digest: Digest): LoadedModule | Promise<LoadedModule> {
    return this.#modules.get(digest) ?? this.#askModule(digest);
  }

  /**
   * A folder was published. Its modules are fetched at once when an older version was in use here,
   * because the next request will want them.
   */
  learnSite(site: Site): void {
    const known = this.#sites.get(site.folderKey);
    if (known !== undefined && known.generation >= site.generation) return;
    this.#sites.set(site.folderKey, site);
    if (known === undefined) return;
    this.#superseded.note(known, site);
    for (const [modulePath, module] of site.modules) {
      const before = known.modules.get(modulePath);
      if (module.kind !== 'serving' || before?.kind !== 'serving') continue;
      if (before.digest === module.digest || !this.#modules.has(before.digest)) continue;
      // A failure here costs nothing: the request that wants the module asks again and says why.
      Promise.resolve(this.moduleOf(module.digest)).then(
        (loaded) => this.#onModule(loaded, site, modulePath),
        () => undefined,
      );
    }
  }

  /** What names lead to was decided by rules that are others now. */
  forgetNames(): void {
    this.#names.clear();
  }

  /** The control plane is asked at the name's next request. */
  forgetName(hostName: HostName): void {
    this.#names.delete(hostName);
  }

  /** A module was compiled anew: taken up where it is in use. Until then the old one serves. */
  renewModule(digest: Digest): void {
    if (this.#modules.has(digest)) this.#askModule(digest).then(this.#onRenewed, () => undefined);
  }

  #forget(digest: Digest): void {
    const loaded = this.#modules.get(digest);
    if (loaded === undefined) return;
    this.#modules.delete(digest);
    this.#onSuperseded?.(loaded);
  }

  async #askSite(
    hostName: HostName | undefined,
    nowMs: number,
    clientAddress: string | undefined,
  ): Promise<Site> {
    const key = hostName ?? anyName;
    const answer = await this.#link.ask({ ask: 'site', hostName, clientAddress }, `site ${key}`);
    const expiresAtMs = nowMs + answer.expiresInMs;
    if (answer.kind === 'failure') {
      this.#names.set(key, { verdict: answer.error, expiresAtMs });
      throw fromErrorRecord(answer.error);
    }
    this.learnSite(answer.site);
    this.#names.set(key, { verdict: answer.site.folderKey, expiresAtMs });
    return this.#sites.get(answer.site.folderKey) ?? answer.site;
  }

  async #askModule(digest: Digest): Promise<LoadedModule> {
    const loaded = await this.#link.ask({ ask: 'module', digest }, `module ${digest}`);
    this.#modules.set(digest, loaded);
    return loaded;
  }
}
