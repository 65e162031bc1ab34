/** One file of a folder as it was last looked at, and what stands where it was. */
import type { ErrorRecord } from '../../errors.ts';
import type { ModulePath } from '../../names.ts';
import { errnoOf, type GuardedFs, isPassing } from '../../outside/mount/guarded-fs.ts';
import type { Digest } from '../../threads/messages.ts';
import type { Modules } from '../build/modules.ts';
import { type FileStamp, isLinkAt, type ListedFile, lookAtFile } from '../look/scan.ts';
import type { Sighting } from '../look/settle.ts';

export interface TrackedFile {
  judgedStamp: FileStamp | undefined;
  sighting: Sighting | undefined;
  missingSinceMs: number | undefined;
  /** Why the content is refused; an earlier version may serve all the same. */
  refusal: ErrorRecord | undefined;
  refusedDigest: Digest | undefined;
  /** The version of a rollback of which the log was told that it holds. */
  toldPinned: Digest | undefined;
  /** After a failure that is not the file's: not before then. */
  retryAtMs: number;
}

/** What stands where a module was, that the walk did not list. */
export type FoundInPlace = ListedFile | { readonly refusal: string } | 'missing' | 'unclear';

export function newFile(): TrackedFile {
  return {
    judgedStamp: undefined,
    sighting: undefined,
    missingSinceMs: undefined,
    refusal: undefined,
    refusedDigest: undefined,
    toldPinned: undefined,
    retryAtMs: 0,
  };
}

/**
 * A file that the walk did not show: beyond a limit, gone, or it cannot be said. What stands in its
 * place and is no module, such as a link that leads out of the folder or nowhere, is refused like a
 * broken module: the good version keeps serving.
 */
export async function lookForMissing(
  place: { readonly fs: GuardedFs; readonly directory: string },
  path: ModulePath,
): Promise<FoundInPlace> {
  try {
    const found = await lookAtFile(place, path);
    return typeof found === 'string' ? { refusal: found } : found;
  } catch (error) {
    if (isPassing(error)) return 'unclear';
    const isGone = errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR';
    if (!isGone) return 'unclear';
    if (!(await isLinkAt(place, path))) return 'missing';
    return { refusal: 'Cannot accept the module: its link must lead to a file' };
  }
}

/** Refused because it was quarantined, and released since: to be judged anew. */
export function isReleased(
  { refusal, refusedDigest: digest }: TrackedFile,
  modules: Modules,
): boolean {
  const isHeld = digest === undefined || modules.refusalOf(digest) !== undefined;
  return refusal?.code === 'module-quarantined' && !isHeld;
}
