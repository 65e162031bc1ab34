/**
 * Edge: one walk over a folder, through its mount's guard. Says which files could be modules and
 * what they looked like; reads none of them, decides nothing.
 */
import type { BigIntStats, Dirent } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import type { Limits } from '../../config/config.ts';
import { classifyName, type ModulePath, quoteReceived } from '../../names.ts';
import { errnoOf, type GuardedFs, isUnreachable } from '../../outside/mount/guarded-fs.ts';
import { indexPageName } from '../../site/table.ts';
import { type TopNames, TopNamesTaker } from '../../site/top-names.ts';
import type { OwnerPace } from './pace.ts';
import { sortInTurns } from './sort-in-turns.ts';
import { shortEntriesMax } from './walk-turn.ts';

/**
 * Size, times and inode of a file in one text: equal stamps mean that nobody wrote in between, as
 * far as the file system tells. Never an identity: KBFS gives out inode numbers anew at each start.
 */
export type FileStamp = string;

const linkRule = 'a link must stay inside the folder: received one that leads out';

export interface ListedFile {
  readonly path: ModulePath;
  /** Where the file really is: `path` itself unless a link inside the folder leads elsewhere. */
  readonly realPath: string;
  readonly stamp: FileStamp;
  readonly sizeBytes: number;
  /** The later of the last write and the last change of name or mode. */
  readonly changedAtMs: number;
}

/** Something the owner should be told once. `path` may be hostile: quote it. */
export interface ListingNote {
  readonly path: string;
  readonly reason: string;
}

export interface FolderListing {
  /** Sorted by path. */
  readonly files: readonly ListedFile[];
  /** At most `notesMax`. */
  readonly notes: readonly ListingNote[];
  /** Real paths of the directories that were read first, at most `directoriesNamedMax`. */
  readonly directories: readonly string[];
  /** Device of the folder: another one means that something was mounted or unmounted there. */
  readonly device: bigint;
  readonly entryCount: number;
  /** There is more than is looked at. */
  readonly isCut: boolean;
  /**
   * The folder itself has an `index.html`, or may have one: not all was looked at, or that takes so
   * long that what is new would be missed for many seconds.
   */
  readonly hasIndexPage: boolean;
  /** What is in the folder itself; undefined where that is too much, or may be old as above. */
  readonly topNames: TopNames | undefined;
}

/** Nobody watches as many; all those of a large folder would be megabytes. */
const directoriesNamedMax = 1_000;
/** The owner is told of so many files; who has more has the same mistake everywhere. */
const notesMax = 100;
/**
 * Names read, as a multiple of `folderEntriesMax`: files that are no modules are read past, so that
 * a thousand pictures do not hide a module.
 */
const namesPerEntry = 10;
/** What reading one directory costs beside its names, in entries: it is opened and closed. */
const directoryCost = 8;

export interface ScanOptions {
  readonly fs: GuardedFs;
  /** Real path of the folder. */
  readonly directory: string;
  readonly limits: Pick<Limits, 'folderEntriesMax' | 'folderDepthMax'>;
  /** Left out where one folder is looked at once. */
  readonly pace?: OwnerPace;
  /** Told of every name in a directory that is read, served or not. */
  readonly onName?: (segments: readonly string[]) => void;
}

/**
 * A directory that is to be read, as little of it as possible: a folder may have twenty thousand,
 * and several are walked at once.
 */
interface PendingDirectory {
  readonly parent: PendingDirectory | undefined;
  readonly name: string;
  /** Where it really is, unless that is in its parent. */
  readonly realPath: string | undefined;
}

/** One that is being read. */
interface OpenDirectory {
  readonly pending: PendingDirectory;
  readonly realPath: string;
  /** Names from the folder down to it. */
  readonly segments: readonly string[];
}

/**
 * Lists the folder.
 *
 * @throws the file system's error when the folder itself cannot be read, and whatever says that the
 *   mount is unreachable; one unreadable directory below becomes a note
 */
export async function listFolder(options: ScanOptions): Promise<FolderListing> {
  const found = options.fs.stat(options.directory);
  found.catch(() => 'it is thrown below');
  const walk = new FolderWalk(options);
  await walk.run();
  const { dev } = await found;
  const files = await sortInTurns(walk.files, (a, b) => a.path < b.path);
  const { notes, directories, entryCount, isCut } = walk;
  const cost = entryCount + directories.length * directoryCost + files.length;
  const isFresh = !isCut && cost <= shortEntriesMax;
  const hasIndexPage = walk.hasIndexPage || !isFresh;
  const topNames = isFresh ? walk.topNames.names : undefined;
  return { files, notes, directories, device: dev, entryCount, isCut, hasIndexPage, topNames };
}

/**
 * The file at `path` when it could be a module now: a regular file, or a link to one inside the
 * folder. A text says why it is none.
 *
 * @throws the file system's error, `ENOENT` among them. `realParent` is the real path of the
 *   directory it is in, where that is known to be inside
 */
export async function lookAtFile(
  options: Pick<ScanOptions, 'fs' | 'directory'>,
  path: ModulePath,
  realParent?: string,
): Promise<ListedFile | string> {
  const logicalPath = join(realParent ?? join(options.directory, dirname(path)), basename(path));
  let found = await options.fs.lstat(logicalPath);
  let realPath = logicalPath;
  if (found.isSymbolicLink() || realParent === undefined) {
    realPath = await options.fs.realpath(logicalPath);
    if (!isInside(options.directory, realPath)) {
      return `Cannot accept the module: ${linkRule}`;
    }
    found = await options.fs.lstat(realPath);
  }
  if (!found.isFile()) {
    return 'Cannot accept the module: it must be a regular file: received something else';
  }
  return {
    path,
    realPath,
    stamp: stampOf(found),
    sizeBytes: Number(found.size),
    changedAtMs: changedAtMs(found),
  };
}

/** Whether a link stands at `path`, wherever it leads. */
export async function isLinkAt(
  { fs, directory }: Pick<ScanOptions, 'fs' | 'directory'>,
  path: ModulePath,
): Promise<boolean> {
  try {
    return (await fs.lstat(join(directory, path))).isSymbolicLink();
  } catch (error) {
    if (errnoOf(error) !== undefined) return false;
    throw error;
  }
}

export function stampOf(stats: BigIntStats): FileStamp {
  return `${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}:${stats.ino}`;
}

/** When the file was last written, by its stamp. */
export function modifiedAtMs(stamp: FileStamp): number {
  return Number(BigInt(stamp.split(':')[1] ?? '0') / 1_000_000n);
}

export function changedAtMs(stats: BigIntStats): number {
  return Math.max(Number(stats.mtimeMs), Number(stats.ctimeMs));
}

/** Whether real path `inner` is below real path `outer`. */
export function isInside(outer: string, inner: string): boolean {
  return inner.startsWith(outer.endsWith(sep) ? outer : outer + sep);
}

/**
 * Whether the error is about one entry only. The folder itself could be read, so what hangs now is
 * one file or directory in it; if it is the whole mount, the next look sees that.
 */
function isLocal(error: unknown): boolean {
  return errnoOf(error) !== undefined || isUnreachable(error);
}

/** Breadth first, names sorted, so that what lies beyond a limit is the same at every walk. */
class FolderWalk {
  readonly files: ListedFile[] = [];
  readonly notes: ListingNote[] = [];
  readonly directories: string[] = [];
  entryCount = 0;
  isCut = false;
  hasIndexPage = false;
  readonly topNames = new TopNamesTaker();
  readonly #options: ScanOptions;
  /** Those one level deeper than what is being read. */
  #deeper: PendingDirectory[] = [];
  /** Entries that were more than a name. */
  #keptCount = 0;
  #moduleCount = 0;

  constructor(options: ScanOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { directory } = this.#options;
    await this.#readDirectory({ parent: undefined, name: '', realPath: directory });
    while (this.#deeper.length > 0 && !this.isCut) {
      const level = this.#deeper;
      this.#deeper = [];
      for (const pending of level) {
        if (this.isCut) return;
        await this.#tryDirectory(pending);
      }
    }
  }

  async #tryDirectory(pending: PendingDirectory): Promise<void> {
    try {
      await this.#readDirectory(pending);
    } catch (error) {
      if (!isLocal(error)) throw error;
      // Gone since its parent was read: the next look sees the folder as it is then.
      if (errnoOf(error) === 'ENOENT') return;
      this.#note(segmentsOf(pending), `it cannot be read: ${error}`);
    }
  }

  async #readDirectory(pending: PendingDirectory): Promise<void> {
    const { fs, limits, pace, onName } = this.#options;
    const directory = { pending, realPath: realPathOf(pending), segments: segmentsOf(pending) };
    await pace?.take(directoryCost);
    const kept: Dirent[] = [];
    const open = await fs.openDirectory(directory.realPath);
    // Nobody waits for its closing but the end of the walk.
    await using closing = new AsyncDisposableStack();
    try {
      if (this.directories.length < directoriesNamedMax) this.directories.push(directory.realPath);
      for (let batch = await open.next(); batch.length > 0; batch = await open.next()) {
        await pace?.take(batch.length);
        if (onName !== undefined) {
          for (const { name } of batch) onName([...directory.segments, name]);
        }
        if (pending.parent === undefined) this.#noteTop(batch);
        this.#sift(batch, kept);
        if (this.#isFull) break;
      }
    } finally {
      const closed = open[Symbol.asyncDispose]();
      closing.defer(() => closed);
    }
    if (this.isCut) {
      const rule = `a folder may hold at most ${limits.folderEntriesMax} entries`;
      this.#note(directory.segments, `${rule}: what is here and further on is not looked at`);
    }
    const sorted = await sortInTurns(kept, (a, b) => a.name < b.name);
    for (const entry of sorted) await this.#takeEntry(directory, entry);
  }

  #noteTop(batch: readonly Dirent[]): void {
    this.hasIndexPage ||= batch.some(isIndexPage);
    for (const { name } of batch) this.topNames.take(name);
  }

  /**
   * Keeps what is more than a name: modules, and then directories and links as far as there is
   * room, so that no number of these hides a module beside them.
   */
  #sift(batch: readonly Dirent[], kept: Dirent[]): void {
    const { folderEntriesMax } = this.#options.limits;
    this.entryCount += batch.length;
    for (const entry of batch) {
      const isModule = entry.name.toLowerCase().endsWith('.wasm');
      if (!isModule && entry.isFile()) continue;
      if (isModule ? this.#moduleCount >= folderEntriesMax : this.#keptCount >= folderEntriesMax) {
        this.isCut = true;
        continue;
      }
      if (isModule) this.#moduleCount += 1;
      this.#keptCount += 1;
      kept.push(entry);
    }
    if (this.#isFull) this.isCut = true;
  }

  get #isFull(): boolean {
    return this.entryCount >= this.#options.limits.folderEntriesMax * namesPerEntry;
  }

  async #takeEntry(directory: OpenDirectory, entry: Dirent): Promise<void> {
    const segments = [...directory.segments, entry.name];
    const nameClass = classifyName(entry.name);
    if (nameClass === 'conflict' && entry.name.toLowerCase().endsWith('.wasm')) {
      this.#note(segments, 'it is a conflict copy: it is never served: merge it and delete it');
    }
    if (nameClass !== 'served') return;
    if (entry.isDirectory()) {
      this.#enter(directory, segments, undefined);
    } else if (entry.isSymbolicLink()) {
      await this.#takeLink(directory, segments);
    } else if (entry.name.endsWith('.wasm')) {
      await this.#takeFile(directory, segments);
    }
  }

  async #takeFile(directory: OpenDirectory, segments: readonly string[]): Promise<void> {
    try {
      await this.#options.pace?.take(1);
      const path = segments.join('/') as ModulePath;
      const file = await lookAtFile(this.#options, path, directory.realPath);
      if (typeof file === 'string') this.#note(segments, file);
      else this.files.push(file);
    } catch (error) {
      if (!isLocal(error)) throw error;
      if (errnoOf(error) !== 'ENOENT') this.#note(segments, `it cannot be looked at: ${error}`);
    }
  }

  /**
   * Mallory has write access to one folder and links from it into another: nothing outside the
   * folder is ever read. A link to a directory above itself would never end.
   */
  async #takeLink(directory: OpenDirectory, segments: readonly string[]): Promise<void> {
    const { fs, directory: root } = this.#options;
    if (segments.at(-1)?.endsWith('.wasm')) {
      await this.#takeFile(directory, segments);
      return;
    }
    try {
      await this.#options.pace?.take(1);
      const realPath = await fs.realpath(join(root, ...segments));
      const isAbove = `${directory.realPath}${sep}`.startsWith(`${realPath}${sep}`);
      if (isAbove) return;
      if (!isInside(root, realPath)) {
        this.#note(segments, linkRule);
        return;
      }
      if ((await fs.lstat(realPath)).isDirectory()) this.#enter(directory, segments, realPath);
    } catch (error) {
      if (!isLocal(error)) throw error;
      if (errnoOf(error) !== 'ENOENT') this.#note(segments, `it cannot be followed: ${error}`);
    }
  }

  /** A directory whose name ends in `.wasm` can hold no module: the path would name itself. */
  #enter(
    { pending }: OpenDirectory,
    segments: readonly string[],
    realPath: string | undefined,
  ): void {
    const name = segments.at(-1) ?? '';
    if (name.endsWith('.wasm')) return;
    if (segments.length > this.#options.limits.folderDepthMax) {
      const rule = `folders may be at most ${this.#options.limits.folderDepthMax} deep`;
      this.#note(segments, `${rule}: its contents are not looked at`);
      return;
    }
    this.#deeper.push({ parent: pending, name, realPath });
  }

  #note(segments: readonly string[], reason: string): void {
    if (this.notes.length >= notesMax) return;
    this.notes.push({ path: quoteReceived(segments.join('/') || '.'), reason });
  }
}

/** Some file systems find it by any case. */
function isIndexPage({ name }: Dirent): boolean {
  return name.toLowerCase() === indexPageName;
}

function realPathOf({ parent, name, realPath }: PendingDirectory): string {
  return realPath ?? join(parent === undefined ? '' : realPathOf(parent), name);
}

function segmentsOf({ parent, name }: PendingDirectory): readonly string[] {
  return parent === undefined ? [] : [...segmentsOf(parent), name];
}
