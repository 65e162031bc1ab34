/**
 * The site's folder as its guests may read it: by the same names as a visitor, open first and then
 * looked at, never outside. Edge: the file system, through the mount's guard.
 */
import type { Dirent } from 'node:fs';
import { sep } from 'node:path';
import { TerrafirmaError } from '../../errors.ts';
import { isStaticName, type OwnerKey } from '../../names.ts';
import type { GuardedFile } from '../../outside/mount/guarded-file.ts';
import { errnoOf, type GuardedFs } from '../../outside/mount/guarded-fs.ts';
import type { MountGuards } from '../../outside/mount/mount-guards.ts';
import { isAbsent, isOpenInside, openSpelled } from '../../outside/mount/open-inside.ts';
import type { SiteEntry, SiteFile, SiteFileFacts, SiteFiles } from './contract.ts';

/** Where a site's files are; see `Site`. */
export interface SiteDirectory {
  /** Absolute real path of the folder. */
  readonly directory: string;
  readonly mountDirectory: string;
  readonly owner: OwnerKey;
}

/** One a serving thread. */
export class SiteFileSource {
  readonly #guards: MountGuards;

  constructor(guards: MountGuards) {
    this.#guards = guards;
  }

  /** Without a place the folder is empty: a module that is run alone. */
  forSite(place: SiteDirectory | undefined): SiteFiles {
    if (place === undefined) return noFiles;
    const { mountDirectory, owner, directory } = place;
    return new FolderFiles(this.#guards.fsOf(mountDirectory, owner), directory);
  }
}

const emptyFolder: SiteFileFacts = {
  kind: 'directory',
  inode: 0n,
  sizeBytes: 0n,
  modifiedNs: 0n,
  changedNs: 0n,
};

const noFiles: SiteFiles = {
  stat: (segments) => Promise.resolve(segments.length === 0 ? emptyFolder : undefined),
  list: (segments) => Promise.resolve(segments.length === 0 ? [] : undefined),
  open: () => Promise.resolve(undefined),
};

class FolderFiles implements SiteFiles {
  readonly #guard: GuardedFs;
  readonly #directory: string;

  constructor(guard: GuardedFs, directory: string) {
    this.#guard = guard;
    this.#directory = directory;
  }

  async stat(segments: readonly string[]): Promise<SiteFileFacts | undefined> {
    const opened = await this.#open(segments);
    await opened?.file.close();
    return opened?.facts;
  }

  async list(
    segments: readonly string[],
    entriesMax: number,
  ): Promise<readonly SiteEntry[] | undefined> {
    const opened = await this.#open(segments);
    if (opened === undefined) return undefined;
    try {
      if (opened.facts.kind !== 'directory') return undefined;
      return await this.#readEntries(segments, opened.file, entriesMax);
    } finally {
      await opened.file.close();
    }
  }

  async open(segments: readonly string[]): Promise<SiteFile | undefined> {
    const opened = await this.#open(segments);
    if (opened === undefined) return undefined;
    if (opened.facts.kind === 'file') return new OpenFolderFile(opened.file);
    await opened.file.close();
    return undefined;
  }

  async #open(
    segments: readonly string[],
  ): Promise<{ readonly file: GuardedFile; readonly facts: SiteFileFacts } | undefined> {
    if (!segments.every(isStaticName)) return undefined;
    const found = await absentOr(() => openSpelled(this.#guard, this.#directory, segments));
    if (found === undefined) return undefined;
    const { file, path } = found;
    let facts: SiteFileFacts | undefined;
    try {
      const place = { directory: this.#directory, path };
      const isInside = await absentOr(() => isOpenInside(this.#guard, file, place));
      if (isInside === true) facts = await factsOf(file);
    } finally {
      if (facts === undefined) await file.close();
    }
    return facts === undefined ? undefined : { file, facts };
  }

  /**
   * Of the directory that is open, where the system has a name for that. Read in pieces, so that
   * the thread serves others between them.
   */
  async #readEntries(
    segments: readonly string[],
    file: GuardedFile,
    entriesMax: number,
  ): Promise<readonly SiteEntry[]> {
    const path = [this.#directory, ...segments].join(sep);
    const openPath = process.platform === 'linux' ? `/proc/self/fd/${file.fd}` : path;
    const directory = await absentOr(() => this.#guard.openDirectory(openPath));
    if (directory === undefined) return [];
    await using open = directory;
    const entries: SiteEntry[] = [];
    for (let seen = 0; seen < entriesMax; ) {
      const batch = (await absentOr(() => open.next())) ?? [];
      if (batch.length === 0) break;
      for (const entry of batch.slice(0, entriesMax - seen)) {
        const shown = isStaticName(entry.name) ? await this.#show(segments, entry) : undefined;
        if (shown !== undefined) entries.push(shown);
      }
      seen += batch.length;
    }
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async #show(segments: readonly string[], entry: Dirent): Promise<SiteEntry | undefined> {
    const { name } = entry;
    if (entry.isDirectory()) return { name, kind: 'directory' };
    if (entry.isFile()) return { name, kind: 'file' };
    if (!entry.isSymbolicLink()) return undefined;
    // What it leads to, if a visitor may see that.
    const facts = await this.stat([...segments, name]);
    return facts === undefined ? undefined : { name, kind: facts.kind };
  }
}

class OpenFolderFile implements SiteFile {
  readonly #file: GuardedFile;

  constructor(file: GuardedFile) {
    this.#file = file;
  }

  async facts(): Promise<SiteFileFacts> {
    const facts = await factsOf(this.#file);
    if (facts === undefined) throw unreachable('stat', 'it is no regular file any more');
    return facts;
  }

  async read(position: number, bytesMax: number): Promise<Uint8Array> {
    const target = new Uint8Array(bytesMax);
    try {
      return target.subarray(0, await this.#file.read(target, position));
    } catch (error) {
      throw asUnreachable('read', error);
    }
  }

  /** `GuardedFile.close` never rejects. */
  close(): void {
    void this.#file.close();
  }
}

async function factsOf(file: GuardedFile): Promise<SiteFileFacts | undefined> {
  const stats = await absentOr(() => file.stat());
  if (stats === undefined || !(stats.isFile() || stats.isDirectory())) return undefined;
  return {
    kind: stats.isFile() ? 'file' : 'directory',
    inode: stats.ino,
    sizeBytes: stats.size,
    modifiedNs: stats.mtimeNs,
    changedNs: stats.ctimeNs,
  };
}

/**
 * Undefined when there is no such file.
 *
 * @throws TerrafirmaError `folder-unreachable`
 */
async function absentOr<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw asUnreachable('reach', error);
  }
}

function asUnreachable(action: string, error: unknown): unknown {
  const code = errnoOf(error);
  return code === undefined ? error : unreachable(action, code);
}

function unreachable(action: string, reason: string): TerrafirmaError {
  return new TerrafirmaError(
    'folder-unreachable',
    `Cannot ${action} a file of the site: ${reason}`,
  );
}
