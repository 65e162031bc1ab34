/**
 * The modules of one folder: which file was judged how, and so what serves. Told of each listing of
 * the folder. Never loses a good version to a bad file.
 */
import type { Limits } from '../../config/config.ts';
import { describeError, type ErrorRecord, TerrafirmaError, toErrorRecord } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import { TellOnce } from '../../journal/log-once.ts';
import { type ModulePath, quoteReceived } from '../../names.ts';
import { errnoOf, isPassing } from '../../outside/mount/guarded-fs.ts';
import type { LocatedFolder } from '../../outside/mount/locate.ts';
import type { SiteModule } from '../../site/table.ts';
import type { Digest } from '../../threads/messages.ts';
import { type JudgeParts, judgeFile, type Verdict } from '../build/judge.ts';
import { JudgeQueue } from '../build/judge-queue.ts';
import type { Modules } from '../build/modules.ts';
import type { KeptModules } from '../keep/kept-modules.ts';
import type { AddedModule } from '../keep/store.ts';
import {
  type FileStamp,
  type FolderListing,
  isLinkAt,
  type ListedFile,
  lookAtFile,
} from '../look/scan.ts';
import { type Sighting, settleWaitMs, sight, soonest } from '../look/settle.ts';
import type { FolderTiming } from '../look/timing.ts';
import { capFiles } from './limits.ts';

export interface FolderModulesParts {
  readonly limits: Limits;
  readonly kept: KeptModules;
  readonly journal: Journal;
  readonly judging: JudgeParts;
  /** A module changed what it serves or why it does not. */
  readonly onVerdict: () => void;
  /** All files that had settled are judged. */
  readonly onIdle: () => void;
  /** A file could not be judged as it was listed: a look is due. */
  readonly onUnjudged: () => void;
}

/** One file as it was last looked at. */
interface TrackedFile {
  judgedStamp: FileStamp | undefined;
  sighting: Sighting | undefined;
  missingSinceMs: number | undefined;
  /** Why the content is refused; an earlier version may serve all the same. */
  refusal: ErrorRecord | undefined;
  refusedDigest: Digest | undefined;
  /** The version of a rollback of which the log was told that it holds. */
  toldPinned: Digest | undefined;
  /** After a failure that is not the file's: not before then. */
  retryAtMs: number;
}

/** What stands where a module was, that the walk did not list. */
type FoundInPlace = ListedFile | { readonly refusal: string } | 'missing' | 'unclear';

const retryMs = 10_000;

export class FolderModules {
  readonly #located: LocatedFolder;
  readonly #parts: FolderModulesParts;
  readonly #files = new Map<ModulePath, TrackedFile>();
  readonly #once: TellOnce;
  readonly #queue: JudgeQueue;
  #directory: string;

  constructor(located: LocatedFolder, parts: FolderModulesParts) {
    this.#located = located;
    this.#parts = parts;
    this.#directory = located.directory;
    this.#once = new TellOnce(located.key, parts.journal);
    this.#queue = new JudgeQueue({
      judge: (file) => this.#judge(file),
      onTrouble: (file, error) => this.#takeTrouble(file, error),
      onIdle: parts.onIdle,
    });
  }

  /** Whether files are being judged. */
  get isBusy(): boolean {
    return this.#queue.isBusy;
  }

  /** Resolves when all that had settled is judged. */
  async judged(): Promise<void> {
    await this.#queue.idle();
  }

  /** Judges nothing more; resolves when the judgement under way has ended. */
  async close(): Promise<void> {
    await this.#queue.close();
  }

  /** The folder is another directory from now on. */
  moveTo(directory: string): void {
    this.#directory = directory;
  }

  /** Takes up modules of a restored record: those that did not change need not be judged again. */
  restore(paths: Iterable<ModulePath>): void {
    for (const path of paths) {
      const record = this.#parts.kept.live(path);
      if (record === undefined) continue;
      const file = this.#track(path);
      // Read again: a file whose version was lost, and one refused by what may be an older daemon.
      const isNewestKept = this.#parts.kept.digestsOf(path).includes(record.seen.digest);
      if (isNewestKept && record.seen.refusal === undefined) file.judgedStamp = record.seen.stamp;
    }
  }

  /** What serves and what is refused, not what has no verdict; perhaps with all kept versions. */
  siteModules(hasAddresses: boolean): ReadonlyMap<ModulePath, SiteModule> {
    const { kept, judging } = this.#parts;
    const modules = new Map<ModulePath, SiteModule>();
    for (const [path, { refusal }] of this.#files) {
      const { version, quarantine } = kept.servable(path, judging.modules);
      if (quarantine !== undefined) this.#once.tell(path, quarantine.detail);
      const error = refusal ?? quarantine;
      if (version !== undefined) {
        const { digest, abi } = version;
        const versions = hasAddresses ? { versions: kept.addressable(path) } : {};
        modules.set(path, { kind: 'serving', digest, abi, ...versions });
      } else if (error !== undefined) {
        modules.set(path, { kind: 'refused', error });
      }
    }
    return modules;
  }

  /** Whether the file is there and its verdict is still to come. */
  isPending(path: ModulePath): boolean {
    const file = this.#files.get(path);
    if (file === undefined || file.refusal !== undefined) return false;
    return this.#parts.kept.serving(path) === undefined;
  }

  /** Makes the next listing judge anew what lost the bytes of its newest version. */
  forgetStamps(): void {
    for (const [path, file] of this.#files) {
      const newest = this.#parts.kept.record(path)?.versions[0].digest;
      const isHere = newest !== undefined && this.#parts.kept.digestsOf(path).includes(newest);
      if (!isHere) file.judgedStamp = undefined;
    }
  }

  /**
   * A request waits for the file, as it was found now. It is judged next, also when the walk has
   * not come to it or does not reach it. Dispose of the answer when the request waits no longer.
   */
  want(file: ListedFile, timing: FolderTiming): Disposable {
    const wanted = this.#queue.want(file.path);
    // At the limit the look decides, which sees all files.
    const isFull = this.#files.size >= this.#parts.limits.modulesPerFolderMax;
    if (!isFull && !this.#files.has(file.path)) this.#consider(file, timing);
    return wanted;
  }

  /**
   * Has judged what is new in the listing. Resolves to the milliseconds until a file may have
   * settled, 0 when none is awaited.
   */
  async takeListing(listing: FolderListing, timing: FolderTiming): Promise<number> {
    const { limits, kept } = this.#parts;
    for (const note of listing.notes) this.#once.tell(note.path, note.reason);
    const waits: number[] = [];
    const files = [...listing.files];
    const listed = new Set(files.map(({ path }) => path));
    const noted = new Set(listing.notes.map(({ path }) => path));
    for (const path of [...this.#files.keys()].filter((each) => !listed.has(each))) {
      const found = await this.#lookForMissing(path);
      if (found === 'unclear') continue;
      if (found === 'missing') waits.push(await this.#takeMissing(path, timing));
      else if ('refusal' in found) this.#refusePlace(path, found.refusal, noted);
      else files.push(found);
    }
    for (const { file, refusal } of capFiles(
      files,
      (path) => kept.live(path) !== undefined,
      limits,
    )) {
      if (refusal === undefined) waits.push(this.#consider(file, timing));
      else this.#exceed(file, refusal);
    }
    this.#once.keepOnly(new Set([...this.#files.keys(), ...noted]));
    return soonest(waits);
  }

  /** Puts a file that is new and has settled to be judged; else resolves to how long it takes. */
  #consider(file: ListedFile, timing: FolderTiming): number {
    const tracked = this.#track(file.path);
    tracked.missingSinceMs = undefined;
    this.#queue.drop(file.path);
    if (isReleased(tracked, this.#parts.judging.modules))
      tracked.judgedStamp = tracked.refusedDigest = undefined;
    if (tracked.judgedStamp === file.stamp) return 0;
    const nowMs = this.#parts.judging.nowMs();
    if (nowMs < tracked.retryAtMs) return tracked.retryAtMs - nowMs;
    tracked.sighting = sight(file, tracked.sighting, nowMs);
    const waitMs = settleWaitMs(file, tracked.sighting, { timing, nowMs });
    if (waitMs === 0) this.#queue.put(file);
    return waitMs;
  }

  async #judge(file: ListedFile): Promise<void> {
    const { judging, kept, onVerdict, onUnjudged } = this.#parts;
    const tracked = this.#track(file.path);
    const known = new Set(kept.digestsOf(file.path));
    if (tracked.refusedDigest !== undefined) known.add(tracked.refusedDigest);
    const verdict = await judgeFile(file, known, { ...judging, directory: this.#directory });
    tracked.sighting = undefined;
    if (verdict.kind === 'changed') return onUnjudged();
    if (verdict.kind === 'postponed') {
      this.#postpone(file.path, verdict.reason);
      return;
    }
    if (verdict.kind === 'refused') await this.#refuse(file, verdict);
    else if (verdict.kind === 'known') await this.#recognise(file, verdict.digest);
    else await this.#accept(file, verdict.version, verdict.bytes);
    onVerdict();
  }

  /** The file hangs, or no file can be opened: it is tried again, the others are judged. */
  #takeTrouble({ path }: ListedFile, error: unknown): void {
    if (error instanceof TerrafirmaError && error.code === 'draining') return;
    const reason = error instanceof TerrafirmaError ? error.message : describeError(error);
    const fields = { ...this.#fields(path), reason };
    if (!isPassing(error)) this.#parts.journal.tell('module-judging-failed', fields);
    this.#postpone(path, reason);
  }

  #postpone(path: ModulePath, reason: string): void {
    this.#track(path).retryAtMs = this.#parts.judging.nowMs() + retryMs;
    this.#once.tell(path, reason);
  }

  /** Content that was judged before: the refused one again, a touched file, an earlier version. */
  async #recognise(file: ListedFile, digest: Digest): Promise<void> {
    const { path, stamp } = file;
    const { kept, judging } = this.#parts;
    const tracked = this.#track(path);
    const record = kept.record(path);
    const version = record?.versions.find((each) => each.digest === digest);
    if (record === undefined || version === undefined) {
      tracked.judgedStamp = stamp;
      return;
    }
    const isTouched = record.goneAtMs === undefined && record.seen.digest === digest;
    if (!isTouched || record.versions[0].digest !== digest) {
      await this.#accept(file, { ...version, acceptedAtMs: judging.nowMs() });
      return;
    }
    tracked.judgedStamp = stamp;
    tracked.refusal = undefined;
    await kept.see(path, { digest, stamp });
    this.#tellPinned(path, digest);
  }

  /** Somebody wrote the file again and sees no change: a rollback holds over the same content. */
  #tellPinned(path: ModulePath, digest: Digest): void {
    const serving = this.#parts.kept.serving(path)?.digest;
    const tracked = this.#track(path);
    if (serving === digest || serving === tracked.toldPinned) return;
    tracked.toldPinned = serving;
    const reason = 'the content is that of the rollback, which holds until it becomes another';
    const fields = { ...this.#fields(path), digest: serving, reason };
    this.#parts.journal.tell('module-pinned', fields);
  }

  async #accept(
    file: ListedFile,
    version: { readonly digest: Digest; readonly abi: string } & Parameters<
      KeptModules['accept']
    >[1]['version'],
    bytes?: AddedModule['bytes'],
  ): Promise<void> {
    const { path, stamp } = file;
    const { kept, journal, judging } = this.#parts;
    const { digest, abi } = version;
    const tracked = this.#track(path);
    try {
      await kept.accept(path, { version, seen: { digest, stamp } }, bytes);
    } catch (error) {
      tracked.retryAtMs = judging.nowMs() + retryMs;
      tracked.refusal = toErrorRecord(error);
      this.#once.tell(path, tracked.refusal.detail);
      return;
    }
    tracked.judgedStamp = stamp;
    tracked.refusal = undefined;
    tracked.refusedDigest = undefined;
    tracked.toldPinned = undefined;
    this.#once.forget(path);
    journal.tell('module-published', { ...this.#fields(path), digest, abi });
  }

  async #refuse(file: ListedFile, verdict: Verdict & { kind: 'refused' }): Promise<void> {
    const { path, stamp } = file;
    const { digest, error } = verdict;
    const { kept, journal } = this.#parts;
    const tracked = this.#track(path);
    tracked.judgedStamp = stamp;
    tracked.refusal = error;
    tracked.refusedDigest = digest;
    const isServed = kept.live(path) !== undefined;
    const fields = { ...this.#fields(path), digest, reason: error.detail, isServed };
    journal.tell(error.code.startsWith('module-') ? 'module-refused' : 'module-not-judged', fields);
    if (digest !== undefined) await kept.see(path, { digest, stamp, refusal: error.detail });
  }

  #exceed(file: ListedFile, refusal: ErrorRecord): void {
    const tracked = this.#track(file.path);
    tracked.missingSinceMs = undefined;
    this.#queue.drop(file.path);
    const isServing = this.#parts.kept.live(file.path) !== undefined;
    if (isServing && tracked.judgedStamp === file.stamp) return;
    // Not judged: it is, as soon as there is room.
    tracked.judgedStamp = undefined;
    tracked.refusal = refusal;
    this.#once.tell(file.path, refusal.detail);
  }

  /**
   * A file that the walk did not show: beyond a limit, gone, or it cannot be said. What stands in
   * its place and is no module, such as a link that leads out of the folder or nowhere, is refused
   * like a broken module: the good version keeps serving.
   */
  async #lookForMissing(path: ModulePath): Promise<FoundInPlace> {
    const { fs } = this.#parts.judging;
    const place = { fs, directory: this.#directory };
    try {
      return asFound(await lookAtFile(place, path));
    } catch (error) {
      if (isPassing(error)) return 'unclear';
      const isGone = errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR';
      if (!isGone) return 'unclear';
      if (!(await isLinkAt(place, path))) return 'missing';
      return { refusal: 'Cannot accept the module: its link must lead to a file' };
    }
  }

  #refusePlace(path: ModulePath, detail: string, noted: ReadonlySet<string>): void {
    const tracked = this.#track(path);
    tracked.missingSinceMs = undefined;
    tracked.judgedStamp = undefined;
    this.#queue.drop(path);
    tracked.refusal = toErrorRecord(new TerrafirmaError('module-refused', detail));
    if (!noted.has(quoteReceived(path))) this.#once.tell(path, detail);
  }

  /** Gone at two looks in a row, apart by the quiet time, in a folder that itself can be read. */
  async #takeMissing(path: ModulePath, timing: FolderTiming): Promise<number> {
    const { kept, judging, journal } = this.#parts;
    const nowMs = judging.nowMs();
    const tracked = this.#track(path);
    tracked.missingSinceMs ??= nowMs;
    const missingMs = nowMs - tracked.missingSinceMs;
    if (missingMs < timing.quietMs) return timing.quietMs - missingMs;
    this.#queue.drop(path);
    this.#files.delete(path);
    if (kept.live(path) !== undefined) {
      await kept.remove(path, nowMs);
      journal.tell('module-removed', this.#fields(path));
    }
    this.#parts.onVerdict();
    return 0;
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
      toldPinned: undefined,
      retryAtMs: 0,
    };
    this.#files.set(path, file);
    return file;
  }

  #fields(modulePath: ModulePath): { readonly folderKey: string; readonly modulePath: string } {
    return { folderKey: this.#located.key, modulePath };
  }
}

function asFound(found: ListedFile | string): ListedFile | { readonly refusal: string } {
  return typeof found === 'string' ? { refusal: found } : found;
}

/** Refused because it was quarantined, and released since: to be judged anew. */
function isReleased({ refusal, refusedDigest: digest }: TrackedFile, modules: Modules): boolean {
  const isHeld = digest === undefined || modules.refusalOf(digest) !== undefined;
  return refusal?.code === 'module-quarantined' && !isHeld;
}
