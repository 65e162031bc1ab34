/**
 * One folder in use: looks at it again and again, has its modules judged, and has the newest
 * picture of it. The life of a deploy is `#look`. A folder that cannot be read keeps what it had.
 */
import { describeError, TerrafirmaError } from '../errors.ts';
import { type ModulePath, ownerOf } from '../names.ts';
import { errnoOf, type GuardedFs, isPassing } from '../site/guarded-fs.ts';
import type { LocatedFolder } from '../site/locate.ts';
import type { Site } from '../site/table.ts';
import type { DeployConfig } from './deploy-config.ts';
import type { DeployLog } from './deploy-log.ts';
import { FolderModules } from './folder-modules.ts';
import type { OwnerGate } from './gate.ts';
import type { JudgeParts } from './judge.ts';
import { KeptModules } from './kept-modules.ts';
import { LookLoop } from './look-loop.ts';
import { ManifestFile } from './manifest-file.ts';
import { type FolderListing, listFolder, lookAtFile } from './scan.ts';
import { openSettingsFile } from './settings-file.ts';
import { soonest } from './settle.ts';
import { SitePicture } from './site-picture.ts';
import type { ModuleStore } from './store.ts';
import { chooseTiming, type FolderTiming, isNetworkType } from './timing.ts';
import { FolderEvents } from './watch.ts';

export interface FolderParts
  extends Omit<JudgeParts, 'directory' | 'fs' | 'moduleBytesMax' | 'owner'> {
  readonly config: DeployConfig;
  readonly store: ModuleStore;
  readonly log: DeployLog;
  /** How many folders of this mount may be walked at once. */
  readonly walks: OwnerGate;
  readonly fs: GuardedFs;
  readonly nextGeneration: () => number;
  readonly onPublish: (site: Site) => void;
}

/** With kept versions, the first answer does not wait longer than this for what changed. */
const keptPatienceMs = 1_000;
/**
 * Serving threads ask again at least once a minute while a site is requested. A folder nobody asks
 * for is polled less often, and looked at before the next answer.
 */
const idleAfterMs = 150_000;
const idlePollFactor = 10;
/** Walking may take at most a tenth of the time: very large folders are polled less often. */
const largeFolderEntries = 1_000;
const walkTimeShare = 10;
const walkRestMsMax = 60_000;

export class WatchedFolder {
  readonly located: LocatedFolder;
  readonly #parts: FolderParts;
  readonly #kept: KeptModules;
  readonly #modules: FolderModules;
  readonly #manifest: ManifestFile;
  readonly #settings: ReturnType<typeof openSettingsFile>;
  readonly #picture: SitePicture;
  readonly #loop: LookLoop;
  readonly #opened = Promise.withResolvers<void>();
  #timing: FolderTiming;
  #events: FolderEvents | undefined;
  #eventsFailed = false;
  #device: bigint | undefined;
  #awayReason: TerrafirmaError | undefined;
  #isPostponed = false;
  #isOpen = false;
  #isClosed = false;
  #walkRestMs = 0;
  #openedAtMs = 0;
  #askedAtMs = 0;
  #lookedAtMs = 0;

  constructor(located: LocatedFolder, parts: FolderParts) {
    const { directory } = located;
    const { config, log, fs } = parts;
    const { limits } = config;
    this.located = located;
    this.#parts = parts;
    this.#kept = new KeptModules(located, parts);
    const owner = ownerOf(located.key);
    const judging = { ...parts, directory, owner, moduleBytesMax: limits.moduleBytesMax };
    this.#modules = new FolderModules(located, { limits, log, kept: this.#kept, judging });
    this.#manifest = new ManifestFile({ fs, directory, limits });
    this.#settings = openSettingsFile({ fs, directory, limits });
    this.#picture = new SitePicture(located, parts);
    this.#timing = chooseTiming(config.watch, { isNetwork: false, mode: 'poll' });
    this.#loop = new LookLoop({
      look: () => this.#lookSafely(),
      pollMs: () => this.#pollMs(),
      quietMs: () => this.#timing.quietMs,
    });
  }

  /** Begins: what was kept first, then the first look. */
  async open(): Promise<void> {
    this.#openedAtMs = this.#parts.nowMs();
    const record = await this.#kept.restore();
    if (record !== undefined) {
      this.#manifest.restore(record.manifest);
      this.#settings.restore(record.settings);
      this.#modules.restore(record.modules.keys());
    }
    if (this.#kept.hasLive) setTimeout(() => this.#finishOpening(), keptPatienceMs).unref();
    this.#loop.lookNow();
  }

  /**
   * The newest site, after the first verdict. Throws TerrafirmaError: 'bad-manifest'; or
   * 'folder-unreachable', 'folder-not-found' when it cannot be read and nothing was kept.
   */
  async site(): Promise<Site> {
    await this.#opened.promise;
    await this.#wake();
    if (this.#isClosed) throw new TerrafirmaError('no-verdict');
    const { state } = this.#manifest;
    if (state.kind === 'broken') throw state.error;
    if (this.#picture.site !== undefined) return this.#picture.site;
    throw this.#awayReason ?? new TerrafirmaError('no-verdict');
  }

  /**
   * The newest site once `path` has a verdict or is known not to exist. Throws TerrafirmaError
   * 'no-verdict' when that takes longer than `verdictWaitMs`, and what `site` throws.
   */
  async verdict(path: ModulePath): Promise<Site> {
    const { nowMs, config } = this.#parts;
    const site = await this.site();
    if (site.modules.has(path) || !(await this.#exists(path))) return site;
    const deadlineMs = nowMs() + config.limits.verdictWaitMs;
    // A look that is already running may have passed the file by.
    const lookCountNeeded = this.#loop.lookCountAfterNext;
    this.#loop.lookNow();
    do {
      await this.#loop.nextLook(deadlineMs - nowMs());
      const newest = await this.site();
      const isSeen = this.#loop.lookCount >= lookCountNeeded;
      if (newest.modules.has(path) || (isSeen && !this.#modules.isPending(path))) return newest;
    } while (nowMs() < deadlineMs);
    const detail = 'Cannot answer yet: the module is still being written or looked at';
    throw new TerrafirmaError('no-verdict', detail);
  }

  /** The bytes of a kept version turned out to be lost or damaged: read the files again. */
  judgeAgain(): void {
    this.#modules.forgetStamps();
    this.#loop.lookNow();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#opened.resolve();
    const looping = this.#loop.close();
    await this.#events?.close();
    await looping;
  }

  async #lookSafely(): Promise<number> {
    const waitMs = await this.#look().catch((error: unknown) => this.#fail(error));
    this.#lookedAtMs = this.#parts.nowMs();
    if (waitMs === 0 || this.#isPatienceOver()) this.#finishOpening();
    return waitMs;
  }

  #pollMs(): number {
    const isIdle = this.#parts.nowMs() - this.#askedAtMs > idleAfterMs;
    const pollMs = this.#timing.pollMs * (isIdle ? idlePollFactor : 1);
    return Math.max(pollMs, Math.min(this.#walkRestMs, walkRestMsMax));
  }

  /** The life of a deploy. Resolves to the milliseconds until something may have settled, or 0. */
  async #look(): Promise<number> {
    const { walks, nowMs } = this.#parts;
    if (this.#loop.lookCount === 0 || this.#awayReason !== undefined) await this.#chooseTiming();
    await this.#requireSamePlace();
    const manifestWaitMs = await this.#manifest.look(this.#timing, nowMs());
    // A folder that closes must not stay open for as long as the next look takes.
    this.#publish();
    const settingsWaitMs = await this.#settings.look(this.#timing, nowMs());
    this.#publish();
    const listing = await walks.pass(() => this.#list());
    this.#requireSameMount(listing);
    this.#comeBack();
    this.#keepEvents(listing);
    await this.#kept.takePins();
    await this.#kept.keepRules(this.#manifest.state, this.#settings.state);
    const modulesWaitMs = await this.#modules.takeListing(listing, {
      timing: this.#timing,
      onVerdict: () => this.#publish(),
    });
    this.#publish();
    return soonest([manifestWaitMs, settingsWaitMs, modulesWaitMs]);
  }

  async #list(): Promise<FolderListing> {
    const { fs, nowMs, config } = this.#parts;
    const startedAtMs = nowMs();
    const { directory } = this.located;
    const listing = await listFolder({ fs, directory, limits: config.limits });
    const isLarge = listing.entryCount > largeFolderEntries;
    this.#walkRestMs = isLarge ? (nowMs() - startedAtMs) * walkTimeShare : 0;
    return listing;
  }

  /** Before the first answer nothing is told: a picture with half of the modules is none. */
  #publish(): void {
    if (!this.#isOpen) return;
    const modules = this.#modules.siteModules();
    this.#picture.publish(this.#manifest.state, modules, this.#settings.state);
  }

  /** A folder that cannot be read keeps its last good site; said once. */
  #fail(error: unknown): number {
    if (error instanceof TerrafirmaError && error.code === 'draining') return 0;
    if (error instanceof TerrafirmaError && error.code === 'overloaded') {
      return this.#postpone(error);
    }
    const isNew = this.#awayReason === undefined;
    this.#awayReason = describeAway(error);
    if (errnoOf(error) === undefined && !(error instanceof TerrafirmaError)) {
      const fields = { folderKey: this.located.key, reason: describeError(error) };
      this.#parts.log.error(fields, 'folder could not be looked at');
    }
    if (isNew) {
      const kept = this.#kept.hasLive ? 'its last good version keeps serving' : 'nothing kept';
      const fields = { folderKey: this.located.key, reason: this.#awayReason.message };
      this.#parts.log.warn(fields, `folder cannot be reached: ${kept}`);
      this.#dropEvents();
    }
    if (this.#kept.hasLive) this.#publish();
    return 0;
  }

  /** We cannot look now, and that is neither the folder's doing nor its mount's; said once. */
  #postpone(error: TerrafirmaError): number {
    if (!this.#isPostponed) {
      const fields = { folderKey: this.located.key, reason: error.message };
      this.#parts.log.warn(fields, 'look at the folder postponed');
    }
    this.#isPostponed = true;
    return this.#timing.pollMs;
  }

  #comeBack(): void {
    this.#isPostponed = false;
    if (this.#awayReason !== undefined) {
      this.#parts.log.info({ folderKey: this.located.key }, 'folder can be reached again');
      this.#awayReason = undefined;
    }
  }

  /** Events where they may be had; a folder beyond the limit would need watches without end. */
  #keepEvents(listing: { readonly isCut: boolean }): void {
    if (listing.isCut) this.#dropEvents();
    if (listing.isCut || this.#isClosed || !this.#timing.hasEvents) return;
    if (this.#events !== undefined || this.#eventsFailed) return;
    this.#events = new FolderEvents({
      directory: this.located.directory,
      depthMax: this.#parts.config.limits.folderDepthMax,
      onHint: () => this.#loop.hint(),
      onError: (error) => this.#giveUpEvents(error),
    });
  }

  #dropEvents(): void {
    void this.#events?.close();
    this.#events = undefined;
  }

  #giveUpEvents(error: unknown): void {
    if (this.#eventsFailed) return;
    this.#eventsFailed = true;
    const reason = error instanceof Error ? error.message : String(error);
    const fields = { folderKey: this.located.key, reason };
    this.#parts.log.warn(fields, 'no file events for the folder: it is polled');
    this.#dropEvents();
  }

  async #chooseTiming(): Promise<void> {
    const { fs, config } = this.#parts;
    const { type } = await fs.statfs(this.located.directory);
    const isNetwork = process.platform === 'linux' && isNetworkType(type);
    this.#timing = chooseTiming(config.watch, { isNetwork, mode: this.located.mount.watch });
  }

  /** The folder was located by its real path; if that leads elsewhere now, it is another folder. */
  async #requireSamePlace(): Promise<void> {
    const realPath = await this.#parts.fs.realpath(this.located.directory);
    if (realPath === this.located.directory) return;
    const detail = `Cannot read the folder: it must stay where it was: received ${realPath}`;
    throw new TerrafirmaError('folder-unreachable', detail);
  }

  /** An unmounted file system leaves an empty directory on another device: nothing was deleted. */
  #requireSameMount(listing: { readonly device: bigint; readonly entryCount: number }): void {
    const isOther = this.#device !== undefined && this.#device !== listing.device;
    if (isOther && listing.entryCount === 0 && this.#kept.hasLive) {
      throw new TerrafirmaError('folder-unreachable', 'Cannot read the folder: it was unmounted');
    }
    this.#device = listing.device;
  }

  /** Notes that somebody asks; after a long rest, looks first. */
  async #wake(): Promise<void> {
    const nowMs = this.#parts.nowMs();
    const wasIdle = nowMs - this.#askedAtMs > idleAfterMs;
    this.#askedAtMs = nowMs;
    const isStale = nowMs - this.#lookedAtMs > 2 * this.#timing.pollMs;
    if (!wasIdle || !isStale || this.#isClosed) return;
    const lookCountNeeded = this.#loop.lookCountAfterNext;
    this.#loop.lookNow();
    while (this.#loop.lookCount < lookCountNeeded && !this.#isClosed) {
      await this.#loop.nextLook(this.#parts.config.limits.verdictWaitMs);
    }
  }

  /** Throws TerrafirmaError 'folder-unreachable' when that cannot be said: the folder is away. */
  async #exists(path: ModulePath): Promise<boolean> {
    const { fs } = this.#parts;
    try {
      const found = await lookAtFile({ fs, directory: this.located.directory }, path);
      return typeof found !== 'string';
    } catch (error) {
      if (isPassing(error)) throw describeAway(error);
      await fs.requireDirectory(this.located.directory);
      if (this.#awayReason === undefined) return false;
      throw new TerrafirmaError('folder-unreachable', this.#awayReason.message);
    }
  }

  #isPatienceOver(): boolean {
    const isKnown = [this.#manifest, this.#settings].every(({ state }) => state.kind !== 'unknown');
    if (!isKnown && this.#awayReason === undefined) return false;
    return this.#parts.nowMs() - this.#openedAtMs > 2 * this.#timing.quietMs;
  }

  #finishOpening(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#publish();
    this.#opened.resolve();
  }
}

function describeAway(error: unknown): TerrafirmaError {
  if (error instanceof TerrafirmaError) return error;
  const code = errnoOf(error) === 'ENOENT' ? 'folder-not-found' : 'folder-unreachable';
  const reason = error instanceof Error ? error.message : String(error);
  return new TerrafirmaError(code, `Cannot read the folder: ${reason}`, { cause: error });
}
