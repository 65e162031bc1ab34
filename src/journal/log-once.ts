/** What the log was told of each path of a folder, so that it is told once, not at every look. */

import type { FolderKey } from '../names.ts';
import type { Journal } from './journal.ts';

export class TellOnce {
  readonly #folderKey: FolderKey;
  readonly #journal: Journal;
  readonly #told = new Map<string, string>();

  constructor(folderKey: FolderKey, journal: Journal) {
    this.#folderKey = folderKey;
    this.#journal = journal;
  }

  /** Warns, unless this was the last thing told of `path`. */
  tell(path: string, reason: string): void {
    if (this.#told.get(path) === reason) return;
    this.#told.set(path, reason);
    this.#journal.tell('file-not-served', { folderKey: this.#folderKey, path, reason });
  }

  forget(path: string): void {
    this.#told.delete(path);
  }

  /** Forgets every path that is not there any more: what comes back is told again. */
  keepOnly(paths: ReadonlySet<string>): void {
    for (const path of this.#told.keys()) if (!paths.has(path)) this.#told.delete(path);
  }
}
