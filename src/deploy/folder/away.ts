/** What a folder that cannot be read now says, and what one that can has at a path. */
import { describeError, TerrafirmaError } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import type { FolderKey, ModulePath } from '../../names.ts';
import { errnoOf, type GuardedFs, isPassing } from '../../outside/mount/guarded-fs.ts';
import { type ListedFile, lookAtFile } from '../look/scan.ts';

/** Whether one folder can be read, and why not; what changes is told once. */
export class Away {
  readonly #folderKey: FolderKey;
  readonly #journal: Journal;
  #reason: TerrafirmaError | undefined;
  #isPostponed = false;

  constructor(folderKey: FolderKey, journal: Journal) {
    this.#folderKey = folderKey;
    this.#journal = journal;
  }

  /** Why it could not be read at the last look; undefined: it could. */
  get reason(): TerrafirmaError | undefined {
    return this.#reason;
  }

  /** A look failed with `error`; whether the one before had not. */
  begin(error: unknown, isServed: boolean): boolean {
    const isNew = this.#reason === undefined;
    this.#reason = describeAway(error);
    const folderKey = this.#folderKey;
    if (errnoOf(error) === undefined && !(error instanceof TerrafirmaError)) {
      this.#journal.tell('folder-failed', { folderKey, reason: describeError(error) });
    }
    if (!isNew) return false;
    const { message: reason } = this.#reason;
    this.#journal.tell('folder-away', { folderKey, reason, isServed });
    return true;
  }

  /** We cannot look now, and that is neither the folder's doing nor its mount's. */
  postpone({ message: reason }: TerrafirmaError): void {
    const folderKey = this.#folderKey;
    if (!this.#isPostponed) this.#journal.tell('folder-postponed', { folderKey, reason });
    this.#isPostponed = true;
  }

  end(): void {
    this.#isPostponed = false;
    if (this.#reason === undefined) return;
    this.#journal.tell('folder-back', { folderKey: this.#folderKey });
    this.#reason = undefined;
  }
}

/** Why a folder cannot be read, as one of our own errors. */
export function describeAway(error: unknown): TerrafirmaError {
  if (error instanceof TerrafirmaError) return error;
  const code = errnoOf(error) === 'ENOENT' ? 'folder-not-found' : 'folder-unreachable';
  const reason = error instanceof Error ? error.message : String(error);
  return new TerrafirmaError(code, `Cannot read the folder: ${reason}`, { cause: error });
}

/**
 * The file that could be the module at `path`.
 *
 * @param awayReason Why the folder could not be read at the last look, if so.
 * @throws TerrafirmaError 'folder-unreachable' when that cannot be said: the folder is away
 */
export async function findFile(
  fs: GuardedFs,
  at: { readonly directory: string; readonly path: ModulePath },
  awayReason: TerrafirmaError | undefined,
): Promise<ListedFile | undefined> {
  const { directory, path } = at;
  try {
    const found = await lookAtFile({ fs, directory }, path);
    return typeof found === 'string' ? undefined : found;
  } catch (error) {
    if (isPassing(error)) throw describeAway(error);
    await fs.requireDirectory(directory);
    if (awayReason === undefined) return undefined;
    throw new TerrafirmaError('folder-unreachable', awayReason.message);
  }
}
