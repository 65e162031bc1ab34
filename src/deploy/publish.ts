/**
 * The deploy road, seen from the daemon: folders in use are watched, their sites handed out and
 * told when they change, modules handed out by digest.
 */
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { OwnedCache } from '../account/owned-cache.ts';
import type { Mount } from '../config/config.ts';
import { describeError, TerrafirmaError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import { type FolderKey, isServedName, type ModulePath, ownerOf } from '../names.ts';
import type { LocatedFolder } from '../outside/mount/locate.ts';
import type { MountGuards } from '../outside/mount/mount-guards.ts';
import { OpenWriters } from '../outside/mount/open-writers.ts';
import type { SharedStore } from '../outside/store/contract.ts';
import type { ReadVariable } from '../site/fastly/resolve.ts';
import type { Site } from '../site/table.ts';
import type { Digest, LoadedModule } from '../threads/messages.ts';
import { Superseded } from '../threads/superseded.ts';
import { Builder } from './build/builder.ts';
import { Modules } from './build/modules.ts';
import { Trial } from './build/trial.ts';
import type { DeployConfig } from './deploy-config.ts';
import { type FolderParts, WatchedFolder } from './folder/folder.ts';
import type { FolderLook } from './folder/folder-look.ts';
import { Crowd } from './folder/rhythm.ts';
import type { InForceParts } from './folder/settings-in-force.ts';
import type { CounterRows } from './folder/site-picture.ts';
import type { Probation } from './keep/probation.ts';
import { type FolderPresence, recordAfter } from './keep/reclaim.ts';
import type { FolderRecord } from './keep/record.ts';
import { readRecords } from './keep/record-files.ts';
import { openState, type StateParts } from './keep/state.ts';
import type { ModuleStore } from './keep/store.ts';
import {
  type ListedModule,
  type ListedVersion,
  listVersions,
  rollBack,
  type VersionFilter,
} from './keep/versions.ts';
import { MountGates } from './look/mount-gates.ts';
import { WalkPace } from './look/pace.ts';
import { WatchPlaces } from './look/watch.ts';
import { Practice } from './practice/practice.ts';

export interface PublisherOptions {
  readonly config: DeployConfig;
  readonly journal: Journal;
  readonly guards: MountGuards;
  readonly sealingKeys: InForceParts['sealingKeys'];
  /** Variables of the daemon that folders may have as secrets. */
  readonly variable: ReadVariable;
  /** See `InForceParts`. */
  readonly variables?: ReadonlyMap<string, string>;
  /** Where rollbacks are. */
  readonly shared: SharedStore;
  /** The name of this node, where several have copies of the folders. */
  readonly node?: string | undefined;
  /** Whether this node's clock agrees with those of the others; left out: nobody compares. */
  readonly isClockTrusted?: () => boolean;
  /** What operators have set for folders on all nodes; left out on one machine. */
  readonly siteStores?: FolderParts['siteStores'];
  /** Where a folder in use is now. Rejects with TerrafirmaError, as `Locator.locate` does. */
  readonly relocate: (located: LocatedFolder) => Promise<LocatedFolder>;
  /** See `PictureOptions`. */
  readonly counterRows?: CounterRows;
  /** See `BuilderOptions`. */
  readonly onJudged?: (ms: number) => void;
  /** Milliseconds since the Unix epoch: compared with the times of files. */
  readonly nowMs?: () => number;
}

/** How long "there is no such file" is believed, and for how many paths. */
const missingTtlMs = 500;
const missingPathsMax = 16_384;
/** Directories watched at once, of all folders: 100 MB. */
const watchesMax = 2_000;

export class Publisher {
  readonly #config: DeployConfig;
  readonly #journal: Journal;
  readonly #nowMs: () => number;
  readonly #store: ModuleStore;
  readonly probation: Probation;
  readonly practice: Practice;
  readonly #builder: Builder;
  readonly #trial = new Trial();
  readonly #modules: Modules;
  readonly #folders: OwnedCache<FolderKey, WatchedFolder>;
  /** Where folders are that were watched before: threads may still ask for them by key. */
  readonly #located: LRUCache<FolderKey, LocatedFolder>;
  readonly #missing: LRUCache<string, true>;
  readonly #options: PublisherOptions;
  readonly #pace: WalkPace;
  readonly #watches = new WatchPlaces(watchesMax);
  readonly #crowd = new Crowd();
  readonly #writers = OpenWriters.open();
  readonly #mounts = new Map<string, MountGates>();
  readonly #listeners = new Set<(site: Site) => void>();
  readonly #replaceListeners = new Set<(digest: Digest) => void>();
  readonly #closing = new Set<Promise<void>>();
  /** Of folders in use, what was published last. */
  readonly #told = new Map<FolderKey, Site>();
  readonly #superseded = new Superseded({
    sites: () => this.#told.values(),
    forget: (digest) => this.#modules.forget(digest),
  });
  #generation = 0;
  #isClosed = false;

  private constructor(options: PublisherOptions, state: StateParts) {
    const { config } = options;
    this.#config = config;
    this.#journal = options.journal;
    this.#options = options;
    this.#nowMs = options.nowMs ?? Date.now;
    this.#store = state.store;
    this.probation = state.probation;
    this.#builder = new Builder({
      limits: config.limits,
      onJudged: options.onJudged,
      forms: () => ({
        directory: join(config.stateDirectory, 'forms'),
        bytesMax: config.limits.formsBytesMax,
        kept: state.store.digests(),
      }),
      onTrouble: (digest, reason) => options.journal.tell('forms-not-kept', { digest, reason }),
    });
    this.practice = new Practice({ builder: this.#builder, trial: this.#trial });
    const { compiledBytesMax, foldersWatchedMax, sitesCachedMax, verdictWaitMs } = config.limits;
    const { folderEntriesPerSecondMax: entriesPerSecondMax } = config.limits;
    this.#pace = new WalkPace({ entriesPerSecondMax, nowMs: () => performance.now() });
    this.#modules = new Modules({
      ...state,
      builder: this.#builder,
      trial: this.#trial,
      journal: options.journal,
      compiledBytesMax,
      waitMs: verdictWaitMs,
      onReplaced: (digest) => {
        for (const listener of this.#replaceListeners) listener(digest);
      },
    });
    this.#folders = new OwnedCache({
      max: foldersWatchedMax,
      dispose: (folder) => this.#closeFolder(folder),
    });
    this.#located = new LRUCache({ max: sitesCachedMax });
    this.#missing = new LRUCache({ max: missingPathsMax, ttl: missingTtlMs });
  }

  /**
   * Opens the state directory.
   *
   * @throws TerrafirmaError('state') when it cannot be used
   */
  static async open(options: PublisherOptions): Promise<Publisher> {
    const publisher = new Publisher(options, await openState(options.config, options.journal));
    publisher.practice.prepare();
    return publisher;
  }

  /**
   * The newest site of a folder, which is watched from now on. Resolves after the first verdict:
   * from the kept versions where files did not change, else when the files that are there have
   * settled and were judged; what takes longer is left to `verdict`.
   *
   * @param options `isLocatedNow`: whether `located` says where it is now, or where it was.
   * @throws TerrafirmaError: 'bad-manifest'; 'folder-not-found' or 'folder-unreachable' when the
   *   folder cannot be read and nothing was kept; 'draining' after `close`
   */
  async siteOf(located: LocatedFolder, { isLocatedNow = false } = {}): Promise<Site> {
    return await this.#watch(located, isLocatedNow).site();
  }

  /**
   * Where a folder in use is, as it was found when it was polled last. Undefined: it is to be
   * located, because it is not in use, or could not be read.
   */
  placeOf(folderKey: FolderKey): LocatedFolder | undefined {
    const located = this.#located.get(folderKey);
    const look = this.#folders.get(folderKey)?.look();
    const isInPlace = look?.site !== undefined && look.state !== 'away';
    return isInPlace && look.directory === located?.directory ? located : undefined;
  }

  /**
   * The site of a folder that cannot be located now, because its mount is away: what was kept of
   * it. Undefined when nothing was.
   *
   * @throws what `siteOf` throws
   */
  async keptSite(folderKey: FolderKey, mount: Mount): Promise<Site | undefined> {
    const known = this.#located.get(folderKey);
    if (known !== undefined) return await this.siteOf(known);
    const record = await this.#store.readFolder(folderKey);
    if (record === undefined) return undefined;
    return await this.siteOf({ key: folderKey, directory: record.directory, mount });
  }

  /**
   * The newest site of a folder once the module has a verdict: at once when there is no such file.
   *
   * @throws TerrafirmaError 'no-verdict' when that takes longer than `verdictWaitMs` or the folder
   *   is not in use, and what `siteOf` throws
   */
  async verdict(folderKey: FolderKey, modulePath: ModulePath): Promise<Site> {
    const located = this.#located.get(folderKey);
    if (located === undefined) throw new TerrafirmaError('no-verdict');
    const folder = this.#watch(located);
    // Strangers ask for paths that never existed: the disk is not asked for each of them.
    const question = `${folderKey}\n${modulePath}`;
    if (this.#missing.has(question) || !modulePath.split('/').every(isServedName)) {
      return await folder.site();
    }
    const site = await folder.verdict(modulePath);
    if (!site.modules.has(modulePath)) this.#missing.set(question, true);
    return site;
  }

  /**
   * The compiled module of a version, to be run.
   *
   * @throws TerrafirmaError: 'module-refused', 'module-quarantined'; 'no-verdict' when it is
   *   not ready after `verdictWaitMs`, or its bytes were lost, and the files are read again
   */
  async module(digest: Digest): Promise<LoadedModule> {
    try {
      return await this.#modules.load(digest);
    } catch (error) {
      if (!(error instanceof TerrafirmaError) || error.code !== 'state') throw error;
      this.#journal.tell('module-lost', { digest, reason: error.message });
      for (const folder of this.#folders.values()) folder.judgeAgain();
      throw new TerrafirmaError('no-verdict', undefined, { cause: error });
    }
  }

  /** The kept versions of all folders; see `listVersions`. */
  async versions(filter?: VersionFilter): Promise<readonly ListedModule[]> {
    const { shared } = this.#options;
    return await listVersions(this.#config.stateDirectory, filter, this.#journal, shared);
  }

  /** Folders that are watched now, by key. */
  folders(): readonly FolderLook[] {
    const looks = [...this.#folders.values()].map((folder) => folder.look());
    return looks.sort((one, other) => (one.folderKey < other.folderKey ? -1 : 1));
  }

  /**
   * Lets a kept version serve again, as `rollBack` says; it is in force when this resolves.
   *
   * @param digestStart Of the version; `newest` ends a rollback.
   * @throws TerrafirmaError 'usage'; StoreError
   */
  async rollBack(
    folderKey: FolderKey,
    modulePath: ModulePath,
    digestStart: string,
  ): Promise<ListedVersion> {
    const { shared: store } = this.#options;
    const target = { name: `${folderKey}/${modulePath}`, digestStart, store };
    const version = await rollBack(this.#config.stateDirectory, target, this.#journal);
    await this.#folders.get(folderKey)?.takeRollbacks();
    return version;
  }

  /**
   * Publishes what this node's copy of a folder shows of a module, though other nodes have
   * something newer; see `WatchedFolder.acceptCopy`.
   *
   * @throws TerrafirmaError 'usage'
   */
  async acceptCopy(folderKey: FolderKey, modulePath: ModulePath): Promise<void> {
    const folder = this.#folders.get(folderKey);
    const isAlone = this.#options.node === undefined;
    if (folder !== undefined && !isAlone) return folder.acceptCopy(modulePath);
    const rule = isAlone
      ? 'a file is held back only where several nodes have copies of the folder'
      : 'the folder must be in use: ask for one of its pages first';
    throw new TerrafirmaError('usage', `Cannot accept ${modulePath}: ${rule}`);
  }

  /**
   * Looks once at everything that is kept and takes back what has been gone for `keptMs`. Resolves
   * to what is kept now. Folders in use see to their own.
   *
   * @param presenceOf Whether the folder of a record is still there.
   */
  async reclaim(
    keptMs: number,
    presenceOf: (record: FolderRecord) => Promise<FolderPresence>,
  ): Promise<readonly FolderRecord[]> {
    const left: FolderRecord[] = [];
    for (const record of await readRecords(this.#config.stateDirectory, this.#journal)) {
      if (this.#isClosed) break;
      const { folderKey } = record;
      const isInUse = (): boolean => this.#folders.has(folderKey);
      const found = isInUse() ? 'there' : await presenceOf(record);
      const look = () =>
        ({ presence: isInUse() ? 'there' : found, nowMs: this.#nowMs(), keptMs }) as const;
      const kept = await this.#store.revise(folderKey, (newest) =>
        isInUse() ? newest : recordAfter(newest, look()),
      );
      if (kept === undefined) this.#journal.tell('folder-forgotten', { folderKey });
      else left.push(recordAfter(kept, look()) ?? kept);
    }
    return left;
  }

  /** Calls `listener` with each new site of a folder in use; generations only grow. */
  onPublish(listener: (site: Site) => void): void {
    this.#listeners.add(listener);
  }

  /** Calls `listener` with each module that was compiled anew: who holds it should ask again. */
  onReplaced(listener: (digest: Digest) => void): void {
    this.#replaceListeners.add(listener);
  }

  /** Stops watching and judging. What was accepted is kept. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#pace.close();
    this.#folders.clear();
    await Promise.all([this.#builder.close(), this.#trial.close()]);
    await Promise.all(this.#closing);
    await this.probation.close();
  }

  #watch(located: LocatedFolder, isLocatedNow = false): WatchedFolder {
    if (this.#isClosed) throw new TerrafirmaError('draining');
    this.#located.set(located.key, located);
    const known = this.#folders.get(located.key);
    if (known !== undefined) {
      known.noteLocated(located);
      return known;
    }
    const { counterRows, variables } = this.#options;
    const folder = new WatchedFolder(located, {
      config: this.#config,
      store: this.#store,
      shared: this.#options.shared,
      node: this.#options.node,
      isClockTrusted: this.#options.isClockTrusted ?? (() => true),
      siteStores: this.#options.siteStores,
      modules: this.#modules,
      builder: this.#builder,
      journal: this.#journal,
      nowMs: this.#nowMs,
      nextGeneration: () => ++this.#generation,
      onPublish: (site) => this.#tell(site),
      ...(counterRows === undefined ? {} : { counterRows }),
      relocate: () => this.#options.relocate(located),
      isLocatedNow,
      sealingKeys: this.#options.sealingKeys,
      variable: this.#options.variable,
      ...(variables === undefined ? {} : { variables }),
      watches: this.#watches,
      crowd: this.#crowd,
      writers: this.#writers,
      ...this.#mountParts(located),
    });
    this.#folders.add(ownerOf(located.key), located.key, folder);
    folder.open().catch((error: unknown) => {
      const reason = describeError(error);
      this.#journal.tell('folder-not-opened', { folderKey: folder.key, reason });
      // It may have been given up meanwhile, and another have its place.
      if (this.#folders.get(located.key) === folder) this.#folders.delete(located.key);
    });
    return folder;
  }

  #mountParts({ key, mount }: LocatedFolder): Pick<FolderParts, 'fs' | 'walks' | 'reads'> {
    const owner = ownerOf(key);
    const gates = this.#mounts.get(mount.directory) ?? new MountGates(this.#pace);
    this.#mounts.set(mount.directory, gates);
    const fs = this.#options.guards.fsOf(mount.directory, owner);
    return { fs, ...gates.forOwner(owner) };
  }

  #tell(site: Site): void {
    const before = this.#told.get(site.folderKey);
    this.#told.set(site.folderKey, site);
    if (before !== undefined) this.#superseded.note(before, site);
    for (const listener of this.#listeners) listener(site);
  }

  #closeFolder(folder: WatchedFolder): void {
    this.#options.counterRows?.(folder.key, []);
    this.#told.delete(folder.key);
    const closing = folder.close().catch((error: unknown) => {
      const fields = { folderKey: folder.key, reason: describeError(error) };
      this.#journal.tell('folder-not-closed', fields);
    });
    this.#closing.add(closing);
    void closing.then(() => this.#closing.delete(closing));
  }
}
