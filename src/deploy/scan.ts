/**
 * Edge: one walk over a folder, through its mount's guard. Says which files could be modules and
 * what they looked like; reads none of them, decides nothing.
 */
import type { BigIntStats, Dirent } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import type { Limits } from '../config/config.ts';
import { classifyName, type ModulePath, quoteReceived } from '../names.ts';
import { errnoOf, type GuardedFs, isUnreachable } from '../site/guarded-fs.ts';

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
  readonly notes: readonly ListingNote[];
  /** Device of the folder: another one means that something was mounted or unmounted there. */
  readonly device: bigint;
  readonly entryCount: number;
  /** There is more than `folderEntriesMax`. */
  readonly isCut: boolean;
}

export interface ScanOptions {
  readonly fs: GuardedFs;
  /** Real path of the folder. */
  readonly directory: string;
  readonly limits: Pick<Limits, 'folderEntriesMax' | 'folderDepthMax'>;
}

interface PendingDirectory {
  readonly realPath: string;
  /** Names from the folder down to it. */
  readonly segments: readonly string[];
}

/**
 * Lists the folder. Throws the file system's error when the folder itself cannot be read, and
 * whatever says that the mount is unreachable; one unreadable directory below becomes a note.
 */
export async function listFolder(options: ScanOptions): Promise<FolderListing> {
  const { dev } = await options.fs.stat(options.directory);
  const walk = new FolderWalk(options);
  await walk.run();
  walk.files.sort((a, b) => (a.path < b.path ? -1 : 1));
  const { files, notes, entryCount, isCut } = walk;
  return { files, notes, device: dev, entryCount, isCut };
}

/**
 * The file at `path` when it could be a module now: a regular file, or a link to one inside the
 * folder. A text says why it is none. Throws the file system's error, `ENOENT` among them.
 * `realParent` is the real path of the directory it is in, where that is known to be inside.
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

export function stampOf(stats: BigIntStats): FileStamp {
  return `${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}:${stats.ino}`;
}

export function changedAtMs(stats: BigIntStats): number {
  return Math.max(Number(stats.mtimeMs), Number(stats.ctimeMs));
}

/** Whether real path `inner` is below real path `outer`. */
export function isInside(outer: string, inner: string): boolean {
  return inner.startsWith(outer.endsWith(sep) ? outer : outer + sep);
}

/** Whether the error is about one entry only: neither of the whole mount nor a bug of ours. */
function isLocal(error: unknown): boolean {
  return errnoOf(error) !== undefined && !isUnreachable(error);
}

/** Breadth first, names sorted, so that what lies beyond a limit is the same at every walk. */
class FolderWalk {
  readonly files: ListedFile[] = [];
  readonly notes: ListingNote[] = [];
  entryCount = 0;
  isCut = false;
  readonly #options: ScanOptions;
  readonly #pending: PendingDirectory[] = [];

  constructor(options: ScanOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const root = { realPath: this.#options.directory, segments: [] };
    await this.#readDirectory(root);
    for (let next = this.#pending.shift(); next; next = this.#pending.shift()) {
      if (this.isCut) return;
      try {
        await this.#readDirectory(next);
      } catch (error) {
        if (!isLocal(error)) throw error;
        // Gone since its parent was read: the next look sees the folder as it is then.
        if (errnoOf(error) !== 'ENOENT') this.#note(next.segments, `it cannot be read: ${error}`);
      }
    }
  }

  async #readDirectory(directory: PendingDirectory): Promise<void> {
    const { fs, limits } = this.#options;
    const entriesLeft = limits.folderEntriesMax - this.entryCount;
    const rule = `a folder may hold at most ${limits.folderEntriesMax} entries`;
    const { entries, isCut } = await fs.readdir(directory.realPath, entriesLeft);
    this.entryCount += entries.length;
    if (isCut) {
      this.isCut = true;
      this.#note(directory.segments, `${rule}: what is here and further on is not looked at`);
    }
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) await this.#takeEntry(directory, entry);
  }

  async #takeEntry(directory: PendingDirectory, entry: Dirent): Promise<void> {
    const segments = [...directory.segments, entry.name];
    const nameClass = classifyName(entry.name);
    if (nameClass === 'conflict' && entry.name.toLowerCase().endsWith('.wasm')) {
      this.#note(segments, 'it is a conflict copy: it is never served: merge it and delete it');
    }
    if (nameClass !== 'served') return;
    if (entry.isDirectory()) {
      this.#enter({ realPath: join(directory.realPath, entry.name), segments });
    } else if (entry.isSymbolicLink()) {
      await this.#takeLink(directory, segments);
    } else if (entry.name.endsWith('.wasm')) {
      await this.#takeFile(directory, segments);
    }
  }

  async #takeFile(directory: PendingDirectory, segments: readonly string[]): Promise<void> {
    try {
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
  async #takeLink(directory: PendingDirectory, segments: readonly string[]): Promise<void> {
    const { fs, directory: root } = this.#options;
    if (segments.at(-1)?.endsWith('.wasm')) {
      await this.#takeFile(directory, segments);
      return;
    }
    try {
      const realPath = await fs.realpath(join(root, ...segments));
      const isAbove = `${directory.realPath}${sep}`.startsWith(`${realPath}${sep}`);
      if (isAbove) return;
      if (!isInside(root, realPath)) {
        this.#note(segments, linkRule);
        return;
      }
      if ((await fs.lstat(realPath)).isDirectory()) this.#enter({ realPath, segments });
    } catch (error) {
      if (!isLocal(error)) throw error;
      if (errnoOf(error) !== 'ENOENT') this.#note(segments, `it cannot be followed: ${error}`);
    }
  }

  /** A directory whose name ends in `.wasm` can hold no module: the path would name itself. */
  #enter(directory: PendingDirectory): void {
    if (directory.segments.at(-1)?.endsWith('.wasm')) return;
    if (directory.segments.length > this.#options.limits.folderDepthMax) {
      const rule = `folders may be at most ${this.#options.limits.folderDepthMax} deep`;
      this.#note(directory.segments, `${rule}: its contents are not looked at`);
      return;
    }
    this.#pending.push(directory);
  }

  #note(segments: readonly string[], reason: string): void {
    this.notes.push({ path: quoteReceived(segments.join('/') || '.'), reason });
  }
}
