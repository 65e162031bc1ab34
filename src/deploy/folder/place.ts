/**
 * Where a folder is. A link on the way to it may be swapped, as in `current -> releases/2`: that is
 * a deploy. What was served is served on until the modules of the new place are judged, so that no
 * visitor sees half of each.
 */

import { TerrafirmaError } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import { errnoOf, type GuardedFs, isPassing } from '../../outside/mount/guarded-fs.ts';
import type { LocatedFolder } from '../../outside/mount/locate.ts';

export interface PlaceParts {
  readonly fs: GuardedFs;
  readonly journal: Journal;
  readonly nowMs: () => number;
  /** Where the folder is now. Rejects with TerrafirmaError, as `Locator.locate` does. */
  readonly relocate: () => Promise<LocatedFolder>;
  /** It has been located for whoever brings it into use: the first look need not do it again. */
  readonly isLocatedNow?: boolean;
}

/** How long the old place is served on while files of the new one are judged or still written. */
const moveMsMax = 60_000;

interface Move {
  /** The directory that was served last. */
  readonly from: string;
  readonly untilMs: number;
}

export class FolderPlace {
  readonly #parts: PlaceParts;
  #located: LocatedFolder;
  #isLocatedNow: boolean;
  #move: Move | undefined;
  #device: bigint | undefined;

  constructor(located: LocatedFolder, parts: PlaceParts) {
    this.#located = located;
    this.#isLocatedNow = parts.isLocatedNow === true;
    this.#parts = parts;
  }

  get located(): LocatedFolder {
    return this.#located;
  }

  /** The place is new and not all of it is judged: what was served before is served on. */
  get isMoving(): boolean {
    return this.#move !== undefined && this.#parts.nowMs() < this.#move.untilMs;
  }

  /** Resolves to whether the folder is elsewhere than at the last look. */
  async find(): Promise<boolean> {
    const { relocate, journal, nowMs } = this.#parts;
    const isKnown = this.#isLocatedNow;
    this.#isLocatedNow = false;
    if (isKnown) return false;
    const located = await relocate();
    const hasMoved = located.directory !== this.#located.directory;
    if (hasMoved) {
      const from = this.#move?.from ?? this.#located.directory;
      const { key: folderKey, directory } = located;
      journal.tell('folder-moved', { folderKey, directory });
      this.#device = undefined;
      this.#move = { from, untilMs: nowMs() + moveMsMax };
    }
    this.#located = located;
    if (this.#move !== undefined && !(await this.#isDirectory(this.#move.from))) this.endMove();
    return hasMoved;
  }

  /**
   * An unmounted file system leaves an empty directory on another device: nothing was deleted.
   *
   * @throws TerrafirmaError `folder-unreachable`
   */
  requireSameMount(
    listing: { readonly device: bigint; readonly entryCount: number },
    hasLive: boolean,
  ): void {
    const isOther = this.#device !== undefined && this.#device !== listing.device;
    if (isOther && listing.entryCount === 0 && hasLive) {
      throw new TerrafirmaError('folder-unreachable', 'Cannot read the folder: it was unmounted');
    }
    this.#device = listing.device;
  }

  /** All that is there has been judged. */
  endMove(): void {
    this.#move = undefined;
  }

  async #isDirectory(path: string): Promise<boolean> {
    try {
      return (await this.#parts.fs.stat(path)).isDirectory();
    } catch (error) {
      if (errnoOf(error) === undefined && !isPassing(error)) throw error;
      return false;
    }
  }
}
