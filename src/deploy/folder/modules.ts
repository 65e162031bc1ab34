/**
 * The modules of one folder: which file was judged how, and so what serves. Told of each listing of
 * the folder. Never loses a good version to a bad file.
 */
import type { Limits } from '../../config/config.ts';
import { describeError, type ErrorRecord, TerrafirmaError, toErrorRecord } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import { TellOnce } from '../../journal/log-once.ts';
import { type ModulePath, quoteReceived } from '../../names.ts';
import { isPassing } from '../../outside/mount/guarded-fs.ts';
import type { LocatedFolder } from '../../outside/mount/locate.ts';
import { indexPath, type SiteModule } from '../../site/table.ts';
import type { Digest } from '../../threads/messages.ts';
import { type JudgeParts, judge, type Verdict } from '../build/judge.ts';
import { JudgeQueue } from '../build/judge-queue.ts';
import type { Progress, Wanted } from '../build/progress.ts';
import type { FolderCommon } from '../common/folder-common.ts';
import type { KeptModules } from '../keep/kept-modules.ts';
import type { KeptVersion } from '../keep/record.ts';
import type { AddedModule } from '../keep/store.ts';
import type { FolderListing, ListedFile } from '../look/scan.ts';
import { soonest } from '../look/settle.ts';
import type { FolderTiming } from '../look/timing.ts';
import { agree, type GoodVerdict } from './agreement.ts';
import { capFiles } from './limits.ts';
import {
  forgetReleased,
  lookForMissing,
  moduleOf,
  newFile,
  noteAccepted,
  noteGood,
  noteKept,
  noteRefused,
  sightFile,
  type TrackedFile,
} from './tracked-file.ts';

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
  /** Of several nodes. */
  readonly common?: FolderCommon | undefined;
}

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
      judge: (file, progress) => this.#judge(file, progress),
      onTrouble: (file, error) => this.#takeTrouble(file, error),
      onIdle: parts.onIdle,
    });
  }

  /** Whether files are being judged. */
  get isBusy(): boolean {
    return this.#queue.isBusy;
  }

  /** Whether a file is refused: that may end without a change of the file. */
  get hasRefusals(): boolean {
    const { kept, judging } = this.#parts;
    for (const [path, { refusal }] of this.#files) {
      if (refusal !== undefined) return true;
      if (kept.servable(path, judging.modules).quarantine !== undefined) return true;
    }
    return false;
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

  /** Takes up a restored record; what answers for the folder is made ready: it is wanted soon. */
  restore(paths: Iterable<ModulePath>): void {
    const { kept, judging } = this.#parts;
    for (const path of paths) {
      const record = kept.live(path);
      if (record !== undefined) noteKept(this.#track(path), record, kept.digestsOf(path));
    }
    const { version } = kept.servable(indexPath([]), judging.modules);
    if (version !== undefined) judging.modules.prepare(version.digest);
  }

  /** What serves and what is refused, not what has no verdict; perhaps with all kept versions. */
  siteModules(hasAddresses: boolean): ReadonlyMap<ModulePath, SiteModule> {
    const { common, kept, judging } = this.#parts;
    const modules = new Map<ModulePath, SiteModule>();
    for (const [path, { refusal }] of this.#files) {
      const { version, quarantine } = kept.servable(path, judging.modules);
      if (quarantine !== undefined) this.#once.tell(path, quarantine.detail);
      const versions = hasAddresses ? { versions: kept.addressable(path) } : {};
      const module = moduleOf(version, versions, refusal ?? quarantine ?? common?.refusalOf(path));
      if (module !== undefined) modules.set(path, module);
    }
    return modules;
  }

  /** Whether the file is there and its verdict is still to come. */
  isPending(path: ModulePath): boolean {
    const file = this.#files.get(path);
    if (file === undefined || file.refusal !== undefined) return false;
    // Judged, and yet not what serves: other nodes have something newer.
    if (this.#parts.common !== undefined && file.judgedStamp !== undefined) return false;
    return this.#parts.kept.serving(path) === undefined;
  }

  /** Makes the next listing judge the file anew. */
  judgeAgain(path: ModulePath): void {
    const file = this.#files.get(path);
    if (file !== undefined) file.judgedStamp = undefined;
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
   * A request waits for the file, as it was found now. It is judged next, also where no walk comes
   * to it; `isSighted`: without another look. Dispose of the answer when the request is over.
   */
  want(file: ListedFile, timing: FolderTiming): Wanted & { readonly isSighted: boolean } {
    const wanted = this.#queue.want(file.path);
    // At the limit the look decides, which sees all files.
    const isFull = this.#files.size >= this.#parts.limits.modulesPerFolderMax;
    if (!isFull && !this.#files.has(file.path)) this.#consider(file, timing);
    return { ...wanted, isSighted: this.#files.get(file.path)?.sighting?.stamp === file.stamp };
  }

  /** Of several nodes: takes up what others have accepted. */
  async takeHeads(): Promise<void> {
    await this.#parts.common?.takeHeads((path) => this.#noteTaken(path));
  }

  /** The same of one that a request waits for. */
  async takeHead(path: ModulePath): Promise<void> {
    if (await this.#parts.common?.modules.takeHead(path)) this.#noteTaken(path);
  }

  #noteTaken(path: ModulePath): void {
    this.#track(path).takenDigest = this.#parts.kept.live(path)?.versions[0].digest;
  }

  /** What could not be judged is tried again with the next listing. */
  retryNow(): void {
    for (const file of this.#files.values()) file.retryAtMs = 0;
  }

  /**
   * Has judged what is new in the listing. Resolves to the milliseconds until a file may have
   * settled, 0 when none is awaited.
   */
  async takeListing(listing: FolderListing, timing: FolderTiming): Promise<number> {
    const { judging, limits, kept } = this.#parts;
    for (const note of listing.notes) this.#once.tell(note.path, note.reason);
    await this.takeHeads();
    const waits: number[] = [];
    const files = [...listing.files];
    const listed = new Set(files.map(({ path }) => path));
    const noted = new Set(listing.notes.map(({ path }) => path));
    for (const path of [...this.#files.keys()].filter((each) => !listed.has(each))) {
      const found = await lookForMissing({ fs: judging.fs, directory: this.#directory }, path);
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
    forgetReleased(tracked, this.#parts.judging.modules);
    if (tracked.judgedStamp === file.stamp && !this.#isUnknown(file.path)) return 0;
    const nowMs = this.#parts.judging.nowMs();
    const { isDue, waitMs } = sightFile(tracked, file, { timing, nowMs });
    if (isDue) this.#queue.put(file);
    return waitMs;
  }

  /** It is kept here, and no node of several knows of it: it is theirs too, once it is judged. */
  #isUnknown(path: ModulePath): boolean {
    const { common, kept } = this.#parts;
    return common?.isUnknown(path) === true && kept.live(path) !== undefined;
  }

  async #judge(file: ListedFile, progress: Progress): Promise<void> {
    const { judging, kept, onVerdict, onUnjudged } = this.#parts;
    const tracked = this.#track(file.path);
    const known = new Set(kept.digestsOf(file.path));
    if (tracked.refusedDigest !== undefined) known.add(tracked.refusedDigest);
    await using beside = new AsyncDisposableStack();
    const onBuilt = (added: AddedModule): void => void beside.use(kept.foresee(added));
    const how = { directory: this.#directory, early: tracked.early, progress, onBuilt };
    const verdict = await judge(file, known, { ...judging, ...how });
    tracked.sighting = undefined;
    if (verdict.kind === 'changed') return onUnjudged();
    if (verdict.kind === 'postponed') return this.#postpone(file.path, verdict.reason);
    if (verdict.kind === 'refused') await this.#refuse(file, verdict);
    else if (await this.#mayServe(file, verdict)) {
      const isKnown = verdict.kind === 'known';
      const keeping = isKnown
        ? this.#recognise(file, verdict.digest)
        : this.#accept(file, verdict.version, verdict.bytes);
      await keeping.finally(() => this.#parts.common?.kept(file.path));
    }
    onVerdict();
  }

  /** Of several nodes: whether what the own copy shows is, or becomes, what serves on all. */
  async #mayServe(file: ListedFile, verdict: GoodVerdict): Promise<boolean> {
    const { common, kept } = this.#parts;
    if (common === undefined) return true;
    const fate = await agree(file, verdict, { common, kept, takeHeads: () => this.takeHeads() });
    if (fate.kind === 'serves') return true;
    noteGood(this.#track(file.path), file.stamp);
    if (fate.note !== undefined) this.#once.tell(file.path, fate.note);
    return false;
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
    noteGood(tracked, stamp);
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
    version: KeptVersion,
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
    const isTold = tracked.takenDigest === digest;
    noteAccepted(tracked, stamp);
    this.#once.forget(path);
    if (!isTold) journal.tell('module-published', { ...this.#fields(path), digest, abi });
  }

  async #refuse(file: ListedFile, verdict: Verdict & { kind: 'refused' }): Promise<void> {
    const { path, stamp } = file;
    const { digest, error } = verdict;
    const { kept, journal } = this.#parts;
    noteRefused(this.#track(path), stamp, { digest, error });
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
    if ((await this.#parts.common?.modules.judgeAbsence(path))?.kind === 'waits') return 0;
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
    const file = this.#files.get(path) ?? newFile();
    this.#files.set(path, file);
    return file;
  }

  #fields(modulePath: ModulePath): { readonly folderKey: string; readonly modulePath: string } {
    return { folderKey: this.#located.key, modulePath };
  }
}
