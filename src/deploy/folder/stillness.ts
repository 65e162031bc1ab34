/**
 * Whether a folder is as it was when it was last looked at, by as little as can tell: where every
 * directory is watched, what changes in it is heard of, and one stat of the folder says whether it
 * is still the same one. Events may be lost, and some things change without any: so it is looked at
 * all the same, only less often.
 */
import { dirname } from 'node:path';
import { errnoOf, type GuardedFs, isPassing } from '../../outside/mount/guarded-fs.ts';
import type { LocatedFolder } from '../../outside/mount/locate.ts';
import { changedAtMs, type FolderListing } from '../look/scan.ts';

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

export class Stillness {
  readonly #options: StillnessOptions;
  #stamp: FolderStamp;
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

  /** All of the folder was seen, as it was at `stamp`, and nothing of it is still to come. */
  note(stamp: FolderStamp): void {
    this.#stamp = stamp;
  }

  /** The folder is to be looked at. */
  forget(): void {
    this.#stamp = undefined;
  }

  async isSame(signs: readonly string[] | undefined): Promise<boolean> {
    return this.#stamp !== undefined && (await this.read(signs)) === this.#stamp;
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
