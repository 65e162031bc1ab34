/**
 * The modules of one folder: which file was judged how, which versions are kept, what serves. Told
 * of each listing of the folder; keeps the record in the store in step. Never loses a good version
 * to a bad file.
 */
import type { Config } from '../config/config.ts';
import { describeError, type ErrorRecord, TerrafirmaError, toErrorRecord } from '../errors.ts';
import type { Digest } from '../messages.ts';
import type { ModulePath } from '../names.ts';
import { errnoOf, isUnreachable } from '../site/guarded-fs.ts';
import type { LocatedFolder } from '../site/locate.ts';
import type { SiteModule } from '../site/table.ts';
import { capFiles } from './caps.ts';
import type { DeployLog } from './deploy-log.ts';
import { acceptVersion, type KeepLimits, noteSeen, servingVersion } from './history.ts';
import { type JudgeParts, judgeFile, type Verdict } from './judge.ts';
import type { ManifestState } from './manifest-file.ts';
import { type Pin, pinsStamp, readPins } from './pins.ts';
import type { FolderRecord, ModuleRecord } from './record.ts';
import { type FileStamp, type FolderListing, type ListedFile, lookAtFile } from './scan.ts';
import { type Sighting, settleWaitMs, sight, soonest } from './settle.ts';
import type { AddedModule, ModuleStore } from './store.ts';
import type { FolderTiming } from './timing.ts';

export interface FolderModulesParts {
  readonly config: Config;
  readonly store: ModuleStore;
  readonly log: DeployLog;
  readonly judging: JudgeParts;
}

export interface ListingOptions {
  readonly timing: FolderTiming;
  /** A module changed what it serves or why it does not. */
  readonly onVerdict: () => void;
}

/** One file as it was last looked at. */
interface TrackedFile {
  judgedStamp: FileStamp | undefined;
  sighting: Sighting | undefined;
  missingSinceMs: number | undefined;
  /** Why the content is refused; an earlier version may serve all the same. */
  refusal: ErrorRecord | undefined;
  refusedDigest: Digest | undefined;
  /** After a failure that is not the file's: not before then. */
  retryAtMs: number;
}

const retryMs = 10_000;

export class FolderModules {
  readonly #located: LocatedFolder;
  readonly #parts: FolderModulesParts;
  readonly #files = new Map<ModulePath, TrackedFile>();
  readonly #records = new Map<ModulePath, ModuleRecord>();
  /** What the log was last told of a path, so that it is told once. */
  readonly #told = new Map<string, string>();
  #pins: ReadonlyMap<ModulePath, Pin> = new Map();
  #pinsStamp = 'unread';
  #manifestText: string | undefined;

  constructor(located: LocatedFolder, parts: FolderModulesParts) {
    this.#located = located;
    this.#parts = parts;
  }

  get hasServing(): boolean {
    return [...this.#records.values()].some(({ goneAtMs }) => goneAtMs === undefined);
  }

  /** Takes up what the store knows of the folder; resolves to its record. */
  async restore(): Promise<FolderRecord | undefined> {
    const { store } = this.#parts;
    const record = await store.readFolder(this.#located.key);
    if (record === undefined) return undefined;
    this.#manifestText = record.manifest;
    for (const [path, module] of record.modules) {
      const [newest, ...older] = module.versions.filter(({ digest }) => store.has(digest));
      if (newest === undefined) continue;
      this.#records.set(path, { ...module, versions: [newest, ...older] });
      if (module.goneAtMs !== undefined) continue;
      const file = this.#track(path);
      // Read again: a file whose version was lost, and one refused by what may be an older daemon.
      const isGood = newest === module.versions[0] && module.seen.refusal === undefined;
      if (isGood) file.judgedStamp = module.seen.stamp;
    }
    await this.takePins();
    return record;
  }

  /** What serves and what is refused; files without a verdict are not in it. */
  siteModules(): ReadonlyMap<ModulePath, SiteModule> {
    const modules = new Map<ModulePath, SiteModule>();
    for (const [path, { refusal }] of this.#files) {
      const record = this.#live(path);
      if (record !== undefined) {
        const { digest, abi } = servingVersion(record, this.#pins.get(path));
        modules.set(path, { kind: 'serving', digest, abi });
      } else if (refusal !== undefined) {
        modules.set(path, { kind: 'refused', error: refusal });
      }
    }
    return modules;
  }

  /** Whether the file is there and its verdict is still to come. */
  isPending(path: ModulePath): boolean {
    const file = this.#files.get(path);
    return file !== undefined && file.refusal === undefined && this.#live(path) === undefined;
  }

  /** Makes the next listing judge every file anew. */
  forgetStamps(): void {
    for (const [path, file] of this.#files) {
      const newest = this.#records.get(path)?.versions[0].digest;
      if (newest === undefined || !this.#parts.store.has(newest)) file.judgedStamp = undefined;
    }
  }

  /** Reads the rollbacks when any was made since the last time. */
  async takePins(): Promise<void> {
    const { config, log } = this.#parts;
    const stamp = await pinsStamp(config.stateDirectory);
    if (stamp === this.#pinsStamp) return;
    const isFirst = this.#pinsStamp === 'unread';
    const before = this.siteModules();
    this.#pins = await readPins(config.stateDirectory, this.#located.key, log);
    this.#pinsStamp = stamp;
    if (isFirst) return;
    for (const [module, now] of this.siteModules()) {
      const was = before.get(module);
      if (now.kind !== 'serving' || was?.kind !== 'serving' || was.digest === now.digest) continue;
      log.info({ ...this.#fields(module), digest: now.digest }, 'module rolled back');
    }
  }

  /** Keeps the folder's rules with the versions: they hold also while the mount is away. */
  async keepManifest(state: ManifestState): Promise<void> {
    if (state.kind === 'unknown' || state.text === this.#manifestText) return;
    this.#manifestText = state.text;
    if (this.#records.size > 0) await this.#commitOrLog();
  }

  /**
   * Judges what is new in the listing. Resolves to the milliseconds until a file may have settled,
   * 0 when nothing is awaited. Throws what says that the mount is unreachable.
   */
  async takeListing(listing: FolderListing, options: ListingOptions): Promise<number> {
    for (const note of listing.notes) this.#tell(note.path, note.reason);
    const waits: number[] = [];
    const files = [...listing.files];
    const listed = new Set(files.map(({ path }) => path));
    for (const path of [...this.#files.keys()]) {
      if (listed.has(path)) continue;
      const found = await this.#lookForMissing(path);
      if (typeof found === 'object') files.push(found);
      else if (found === 'missing') waits.push(await this.#takeMissing(path, options));
    }
    const isServing = (path: ModulePath) => this.#live(path) !== undefined;
    for (const { file, refusal } of capFiles(files, isServing, this.#parts.config.limits)) {
      if (refusal === undefined) waits.push(await this.#takeFile(file, options));
      else this.#exceed(file, refusal);
    }
    this.#forgetTold(listed, listing);
    return soonest(waits);
  }

  async #takeFile(file: ListedFile, options: ListingOptions): Promise<number> {
    const { timing } = options;
    const { judging, store } = this.#parts;
    const tracked = this.#track(file.path);
    tracked.missingSinceMs = undefined;
    if (tracked.judgedStamp === file.stamp) return 0;
    const nowMs = judging.nowMs();
    if (nowMs < tracked.retryAtMs) return tracked.retryAtMs - nowMs;
    tracked.sighting = sight(file, tracked.sighting, nowMs);
    const waitMs = settleWaitMs(file, tracked.sighting, { timing, nowMs });
    if (waitMs > 0) return waitMs;
    const versions = this.#records.get(file.path)?.versions ?? [];
    const known = new Set(versions.map(({ digest }) => digest).filter((each) => store.has(each)));
    if (tracked.refusedDigest !== undefined) known.add(tracked.refusedDigest);
    const verdict = await judgeFile(file, known, judging);
    tracked.sighting = undefined;
    if (verdict.kind === 'changed') return timing.quietMs;
    await this.#takeVerdict(file, verdict);
    options.onVerdict();
    return 0;
  }

  async #takeVerdict(
    file: ListedFile,
    verdict: Exclude<Verdict, { kind: 'changed' }>,
  ): Promise<void> {
    const { path, stamp } = file;
    const tracked = this.#track(path);
    const record = this.#records.get(path);
    if (verdict.kind === 'refused') {
      await this.#refuse(file, verdict);
      return;
    }
    if (verdict.kind === 'accepted') {
      await this.#accept(file, verdict.version, verdict);
      return;
    }
    const { digest } = verdict;
    const version = record?.versions.find((each) => each.digest === digest);
    if (record === undefined || version === undefined || digest === tracked.refusedDigest) {
      tracked.judgedStamp = stamp;
      return;
    }
    const isServed = record.goneAtMs === undefined && record.versions[0].digest === digest;
    if (!isServed || record.seen.digest !== digest) {
      await this.#accept(file, { ...version, acceptedAtMs: this.#parts.judging.nowMs() });
      return;
    }
    tracked.judgedStamp = stamp;
    tracked.refusal = undefined;
    this.#records.set(path, noteSeen(record, { digest, stamp }, this.#pins.get(path)));
    await this.#commitOrLog();
  }

  async #accept(
    file: ListedFile,
    version: ModuleRecord['versions'][0],
    added?: { readonly bytes: AddedModule['bytes'] },
  ): Promise<void> {
    const { path, stamp } = file;
    const { digest, abi } = version;
    const tracked = this.#track(path);
    const before = this.#records.get(path);
    const pin = this.#pins.get(path);
    const accepted = { version, seen: { digest, stamp } };
    this.#records.set(path, acceptVersion(before, accepted, { pin, limits: this.#keepLimits() }));
    try {
      await this.#commit(added === undefined ? undefined : { digest, bytes: added.bytes });
    } catch (error) {
      if (before === undefined) this.#records.delete(path);
      else this.#records.set(path, before);
      tracked.retryAtMs = this.#parts.judging.nowMs() + retryMs;
      tracked.refusal = toErrorRecord(error);
      this.#tell(path, tracked.refusal.detail);
      return;
    }
    tracked.judgedStamp = stamp;
    tracked.refusal = undefined;
    tracked.refusedDigest = undefined;
    this.#told.delete(path);
    this.#parts.log.info({ ...this.#fields(path), digest, abi }, 'module published');
  }

  async #refuse(file: ListedFile, verdict: Verdict & { kind: 'refused' }): Promise<void> {
    const { path, stamp } = file;
    const { digest, error } = verdict;
    const tracked = this.#track(path);
    const record = this.#live(path);
    tracked.judgedStamp = stamp;
    tracked.refusal = error;
    tracked.refusedDigest = digest;
    const kept = record === undefined ? '' : ': the last good version keeps serving';
    const fields = { ...this.#fields(path), digest, reason: error.detail };
    if (error.code === 'module-refused') this.#parts.log.warn(fields, `module refused${kept}`);
    else this.#parts.log.error(fields, `module could not be judged${kept}`);
    if (record === undefined || digest === undefined) return;
    const seen = { digest, stamp, refusal: error.detail };
    this.#records.set(path, noteSeen(record, seen, this.#pins.get(path)));
    await this.#commitOrLog();
  }

  #exceed(file: ListedFile, refusal: ErrorRecord): void {
    const tracked = this.#track(file.path);
    tracked.missingSinceMs = undefined;
    if (tracked.judgedStamp === file.stamp && this.#live(file.path) !== undefined) return;
    // Not judged: it is, as soon as there is room.
    tracked.judgedStamp = undefined;
    tracked.refusal = refusal;
    this.#tell(file.path, refusal.detail);
  }

  /** A file that the walk did not show: beyond a limit, gone, or it cannot be said. */
  async #lookForMissing(path: ModulePath): Promise<ListedFile | 'missing' | 'unclear'> {
    const { fs, directory } = this.#parts.judging;
    try {
      const found = await lookAtFile({ fs, directory }, path);
      return typeof found === 'string' ? 'missing' : found;
    } catch (error) {
      if (isUnreachable(error)) throw error;
      return errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR' ? 'missing' : 'unclear';
    }
  }

  /** Gone at two looks in a row, apart by the quiet time, in a folder that itself can be read. */
  async #takeMissing(path: ModulePath, options: ListingOptions): Promise<number> {
    const nowMs = this.#parts.judging.nowMs();
    const tracked = this.#track(path);
    tracked.missingSinceMs ??= nowMs;
    const missingMs = nowMs - tracked.missingSinceMs;
    if (missingMs < options.timing.quietMs) return options.timing.quietMs - missingMs;
    this.#files.delete(path);
    this.#told.delete(path);
    const record = this.#live(path);
    if (record !== undefined) {
      this.#records.set(path, { ...record, goneAtMs: nowMs });
      this.#pruneGone();
      await this.#commitOrLog();
      this.#parts.log.info(this.#fields(path), 'module removed: its file is gone');
    }
    options.onVerdict();
    return 0;
  }

  /** Deleted files keep their versions, as many as a folder may have modules. */
  #pruneGone(): void {
    const gone = [...this.#records].filter(([, { goneAtMs }]) => goneAtMs !== undefined);
    gone.sort(([, a], [, b]) => (b.goneAtMs ?? 0) - (a.goneAtMs ?? 0));
    const excess = gone.slice(this.#parts.config.limits.modulesPerFolderMax);
    for (const [path] of excess) this.#records.delete(path);
  }

  #live(path: ModulePath): ModuleRecord | undefined {
    const record = this.#records.get(path);
    return record?.goneAtMs === undefined ? record : undefined;
  }

  #track(path: ModulePath): TrackedFile {
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    const file: TrackedFile = {
      judgedStamp: undefined,
      sighting: undefined,
      missingSinceMs: undefined,
      refusal: undefined,
      refusedDigest: undefined,
      retryAtMs: 0,
    };
    this.#files.set(path, file);
    return file;
  }

  async #commit(added?: AddedModule): Promise<void> {
    const { key: folderKey, directory } = this.#located;
    const manifest = this.#manifestText;
    const record = { folderKey, directory, manifest, modules: this.#records };
    await this.#parts.store.commit(record, added);
  }

  /** Where the record only remembers less when it cannot be written: nothing served depends on it. */
  async #commitOrLog(): Promise<void> {
    try {
      await this.#commit();
    } catch (error) {
      const reason = error instanceof TerrafirmaError ? error.message : describeError(error);
      this.#parts.log.error({ folderKey: this.#located.key, reason }, 'folder record not kept');
    }
  }

  #tell(path: string, reason: string): void {
    if (this.#told.get(path) === reason) return;
    this.#told.set(path, reason);
    this.#parts.log.warn({ folderKey: this.#located.key, path, reason }, 'file not served');
  }

  #forgetTold(listed: ReadonlySet<ModulePath>, listing: FolderListing): void {
    const noted = new Set(listing.notes.map(({ path }) => path));
    for (const path of this.#told.keys()) {
      if (!listed.has(path as ModulePath) && !noted.has(path)) this.#told.delete(path);
    }
  }

  #keepLimits(): KeepLimits {
    const { versionsKeptMax, moduleBytesPerFolderMax } = this.#parts.config.limits;
    return { versionsKeptMax, keptBytesMax: moduleBytesPerFolderMax };
  }

  #fields(modulePath: ModulePath): { readonly folderKey: string; readonly modulePath: string } {
    return { folderKey: this.#located.key, modulePath };
  }
}
