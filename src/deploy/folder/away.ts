/** What a folder that cannot be read now says, and what one that can has at a path. */
import { TerrafirmaError } from '../../errors.ts';
import type { ModulePath } from '../../names.ts';
import { errnoOf, type GuardedFs, isPassing } from '../../outside/mount/guarded-fs.ts';
import { type ListedFile, lookAtFile } from '../look/scan.ts';

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
