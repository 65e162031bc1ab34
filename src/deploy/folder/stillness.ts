/**
 * Whether a folder is as it was when it was last looked at, by as little as can tell: where every
 * directory is watched, what changes in it is heard of, and one stat of the folder says whether it
 * is still the same one. Where nothing is heard, a small folder's directories, modules and rules
 * are held against what they were. Events may be lost, and some things change without a trace: so
 * it is looked at all the same, only less often.
 */
import { dirname, join } from 'node:path';
import { errnoOf, type GuardedFs, isPassing } from '../../outside/mount/guarded-fs.ts';
import type { LocatedFolder } from '../../outside/mount/locate.ts';
import { manifestName } from '../../site/manifest.ts';
import { settingsName } from '../../site/settings.ts';
import { changedAtMs, type FolderListing, stampOf } from '../look/scan.ts';

export interface StillnessOptions {
  readonly fs: GuardedFs;
  /** Where the folder was when it came into use. */
  readonly located: LocatedFolder;
  readonly nowMs: () => number;
}

/** A stamp of directories; undefined where it cannot be told. */
export type FolderStamp = string | undefined;

/** What changed so lately may change again without another time of change. */
const settledMs = 2_000;
/** Of a folder with more to it a look costs hardly more. */
const insideMax = 12;
/** In place of the stamp of what is not there. */
const absent = 'absent';

/** What is in the folder, as it was. What is new in it, its directory tells. */
type Inside = ReadonlyMap<string, string>;

export class Stillness {
  readonly #options: StillnessOptions;
  #stamp: FolderStamp;
  /** Where nothing would be heard of it. */
  #inside: Inside | undefined;
  #lookedAtMs = 0;
  /** Which directory the folder is. */
  #identity: string | undefined;
  #isReplaced = false;

  constructor(options: StillnessOptions) {
    this.#options = options;
  }

  /** To be taken before a look begins: what changes during the look must not pass for seen. */
  async read(signs: readonly string[] | undefined): Promise<FolderStamp> {
    const { fs, located, nowMs } = this.#options;
    const stamps: string[] = [];
    let isSettled = true;
    try {
      for (const sign of signs ?? [located.directory]) {
        const stats = await fs.stat(sign);
        const identity = `${stats.dev}:${stats.ino}`;
        if (stamps.length === 0) this.#identify(identity);
        stamps.push(`${identity}:${stats.mtimeNs}:${stats.ctimeNs}`);
        if (nowMs() - changedAtMs(stats) < settledMs) isSettled = false;
      }
    } catch (error) {
      if (errnoOf(error) === undefined && !isPassing(error)) throw error;
      return undefined;
    }
    return isSettled ? stamps.join(' ') : undefined;
  }

  /** Whether another directory has taken the folder's place: who watches it watches the old one. */
  takeReplaced(): boolean {
    const isReplaced = this.#isReplaced;
    this.#isReplaced = false;
    return isReplaced;
  }

  /**
   * All of the folder was seen, as it was at `stamp`, and nothing of it is still to come.
   *
   * @param unheard What was seen, where nobody would hear of a change in it.
   */
  async note(stamp: FolderStamp, unheard?: FolderListing): Promise<void> {
    if (unheard === undefined || stamp === undefined) {
      this.#stamp = stamp;
      return;
    }
    const paths = pathsIn(unheard);
    if (paths.length > insideMax) return;
    const inside = await this.#readInside(paths);
    const isAsSeen = unheard.files.every((file) => inside?.get(file.realPath) === file.stamp);
    if (!isAsSeen) return;
    this.#stamp = stamp;
    this.#inside = inside;
  }

  /** Whether `isSame` tells of changes that nobody would hear of. */
  get seesInside(): boolean {
    return this.#inside !== undefined;
  }

  /** The folder is to be looked at. */
  forget(): void {
    this.#stamp = undefined;
    this.#inside = undefined;
    this.#lookedAtMs = this.#options.nowMs();
  }

  async isSame(signs: readonly string[] | undefined): Promise<boolean> {
    if (this.#stamp === undefined) return false;
    const before = this.#inside;
    const inside = before === undefined ? before : this.#readInside([...before.keys()]);
    const [stamp, now] = await Promise.all([this.read(signs), inside]);
    return stamp === this.#stamp && isEqual(before, now);
  }

  /** Undefined where that cannot be told, or may have changed since the last look began. */
  async #readInside(paths: readonly string[]): Promise<Inside | undefined> {
    const stamps = await Promise.all(paths.map((path) => this.#stampAt(path)));
    const inside = new Map<string, string>();
    for (const [index, path] of paths.entries()) {
      const stamp = stamps[index];
      if (stamp === undefined) return undefined;
      if (stamp !== absent) inside.set(path, stamp);
    }
    return inside;
  }

  async #stampAt(path: string): Promise<string | undefined> {
    try {
      const stats = await this.#options.fs.lstat(path);
      return this.#lookedAtMs - changedAtMs(stats) < settledMs ? undefined : stampOf(stats);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return absent;
      if (errnoOf(error) === undefined && !isPassing(error)) throw error;
      return undefined;
    }
  }

  #identify(identity: string): void {
    if (this.#identity !== undefined && this.#identity !== identity) this.#isReplaced = true;
    this.#identity = identity;
  }
}

/**
 * Whether all that was listed lies in directories that were listed too: a link may lead to where
 * nobody looks, and nobody hears of what becomes of that.
 */
export function isAllInSight({ files, directories }: FolderListing): boolean {
  const listed = new Set(directories);
  const isSeen = (realPath: string): boolean => listed.has(dirname(realPath));
  return files.every(({ realPath }) => isSeen(realPath)) && directories.slice(1).every(isSeen);
}

/** Modules, directories below, and where rules are or would be: real paths, all of them. */
function pathsIn({ files, directories }: FolderListing): readonly string[] {
  const [directory = '', ...below] = directories;
  const rules = [manifestName, settingsName].map((name) => join(directory, name));
  return [...rules, ...below, ...files.map(({ realPath }) => realPath)];
}

function isEqual(one: Inside | undefined, other: Inside | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return [...one].every(([path, stamp]) => other.get(path) === stamp);
}
