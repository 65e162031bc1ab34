/**
 * Looks for the files by which owners sign in, in folders where somebody waits with a code, and
 * only there. A name that begins with a dot is neither watched nor served nor seen by guests, so
 * that nothing else looks there. Touches the folders, by `GuardedFs`.
 */
import type { Journal } from '../../journal/journal.ts';
import { type FolderKey, ownerOf } from '../../names.ts';
import { listInside, removeInside } from '../../outside/mount/directories-inside.ts';
import type { GuardedFs } from '../../outside/mount/guarded-fs.ts';
import type { LocatedFolder } from '../../outside/mount/locate.ts';
import type { SignIns } from './sign-ins.ts';

export interface ProofWatchOptions {
  readonly signIns: SignIns;
  /** Rejects where the folder is not there now. */
  readonly locate: (folderKey: FolderKey) => Promise<LocatedFolder>;
  readonly fsOf: (mountDirectory: string, folderKey: FolderKey) => GuardedFs;
  readonly journal: Journal;
}

/** Where codes are written, below the folder. */
export const signInDirectory = ['.terrafirma', 'sign-in'] as const;
const lookMs = 2_000;
const namesMax = 64;
/** Folders that are looked at once a turn: the next turn goes on where this one ended. */
const foldersPerLookMax = 100;

export class ProofWatch {
  readonly #options: ProofWatchOptions;
  readonly #looking = new Set<FolderKey>();
  #timer: NodeJS.Timeout | undefined;
  #turn = 0;

  constructor(options: ProofWatchOptions) {
    this.#options = options;
  }

  /** Somebody waits: from now on folders are looked at, until nobody does. */
  start(): void {
    this.#timer ??= setInterval(() => void this.look(), lookMs).unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Looks at the folders that are waited for. Never rejects. */
  async look(): Promise<void> {
    const folders = [...this.#options.signIns.folders()];
    if (folders.length === 0) {
      this.close();
      return;
    }
    const from = this.#turn % folders.length;
    this.#turn += foldersPerLookMax;
    const turn = [...folders.slice(from), ...folders.slice(0, from)].slice(0, foldersPerLookMax);
    await Promise.all(turn.map((folderKey) => this.#lookAt(folderKey)));
  }

  async #lookAt(folderKey: FolderKey): Promise<void> {
    if (this.#looking.has(folderKey)) return;
    this.#looking.add(folderKey);
    try {
      await this.#lookInto(folderKey);
    } catch {
      // Not there, away, a link, or not to be read: nobody has proven anything, and the next look
      // may find more. The page says how long the code holds.
    } finally {
      this.#looking.delete(folderKey);
    }
  }

  async #lookInto(folderKey: FolderKey): Promise<void> {
    const { fsOf, journal, locate, signIns } = this.#options;
    const { directory, mount } = await locate(folderKey);
    const fs = fsOf(mount.directory, folderKey);
    const path = [directory, ...signInDirectory].join('/');
    const names = await fs.run({
      ...{ name: 'readdir', path },
      start: () => listInside(directory, signInDirectory, namesMax),
    });
    for (const name of signIns.prove(folderKey, names)) {
      journal.tell('owner-proved', { folderKey, owner: ownerOf(folderKey) });
      const remove = { name: 'unlink', path, isPatient: true };
      const start = (): Promise<void> => removeInside(directory, signInDirectory, name);
      // Where it cannot be removed it is worth nothing any more.
      await fs.run({ ...remove, start }).catch(() => undefined);
    }
  }
}
