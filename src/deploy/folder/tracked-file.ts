/** One file of a folder as it was last looked at, and what stands where it was. */
import type { ErrorRecord } from '../../errors.ts';
import type { ModulePath } from '../../names.ts';
import { errnoOf, type GuardedFs, isPassing } from '../../outside/mount/guarded-fs.ts';
import type { ModuleVersion, SiteModule } from '../../site/table.ts';
import type { Digest } from '../../threads/messages.ts';
import type { EarlyTiming } from '../build/judge.ts';
import type { Modules } from '../build/modules.ts';
import type { ModuleRecord } from '../keep/record.ts';
import { type FileStamp, isLinkAt, type ListedFile, lookAtFile } from '../look/scan.ts';
import { type Sighting, settleWaitMs, sight } from '../look/settle.ts';
import type { FolderTiming } from '../look/timing.ts';

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
  /** The version of others that was taken up last, of which the log was told. */
  takenDigest: Digest | undefined;
  /** How it is judged before it has settled, when that was last begun, and how long not again. */
  early: (EarlyTiming & { readonly atMs: number; readonly notForMs: number }) | undefined;
}

/** What changes without end is judged early twice, and no more often than that. */
const earlyEveryMs = 1_000;
/** Its writer may have it open at the first time. */
const secondEarlyMs = 20;
/** What has so many bytes is mostly still being written when it is first seen. */
const largeBytes = 1024 * 1024;
const largeQuietMs = 25;

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
    takenDigest: undefined,
    early: undefined,
  };
}

/**
 * Notes that the file was seen as it is now: whether it is to be judged, because it has settled or
 * may be complete, and the milliseconds until it has settled.
 */
export function sightFile(
  tracked: TrackedFile,
  file: ListedFile,
  clock: { readonly timing: FolderTiming; readonly nowMs: number },
): { readonly isDue: boolean; readonly waitMs: number } {
  const { timing, nowMs } = clock;
  if (nowMs < tracked.retryAtMs) return { isDue: false, waitMs: tracked.retryAtMs - nowMs };
  tracked.sighting = sight(file, tracked.sighting, nowMs);
  const waitMs = settleWaitMs(file, tracked.sighting, clock);
  const { early } = tracked;
  const { quietClosedMs, settledAgeMs } = timing;
  if (waitMs === 0) tracked.early = undefined;
  const earlyAgeMs = nowMs - (early?.atMs ?? 0);
  const mayBeEarly = quietClosedMs !== undefined && earlyAgeMs >= (early?.notForMs ?? 0);
  if (waitMs === 0 || !mayBeEarly) return { isDue: waitMs === 0, waitMs };
  const freshMs = largeQuietMs - (nowMs - file.changedAtMs);
  if (file.sizeBytes >= largeBytes && freshMs > 0) {
    return { isDue: false, waitMs: Math.min(waitMs, freshMs) };
  }
  const notForMs = earlyAgeMs < earlyEveryMs ? earlyEveryMs : secondEarlyMs;
  tracked.early = { quietClosedMs, settledAgeMs, atMs: nowMs, notForMs };
  return { isDue: true, waitMs };
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
export function forgetReleased(tracked: TrackedFile, modules: Modules): void {
  const { refusal, refusedDigest: digest } = tracked;
  const isHeld = digest === undefined || modules.refusalOf(digest) !== undefined;
  if (refusal?.code !== 'module-quarantined' || isHeld) return;
  tracked.judgedStamp = undefined;
  tracked.refusedDigest = undefined;
}

/** What a restored record says of it; `here`: versions of it whose bytes are here. */
export function noteKept(
  tracked: TrackedFile,
  { seen }: Pick<ModuleRecord, 'seen'>,
  here: readonly Digest[],
): void {
  // Read again: a file whose version was lost, and one refused by what may be an older daemon.
  const isNewestKept = here.includes(seen.digest) && seen.refusal === undefined;
  if (isNewestKept) tracked.judgedStamp = seen.stamp;
}

/** It was judged as it is, and is good: it serves, or others have something newer. */
export function noteGood(tracked: TrackedFile, stamp: FileStamp): void {
  tracked.judgedStamp = stamp;
  tracked.refusal = undefined;
}

/** The same, and it is what serves from now on. */
export function noteAccepted(tracked: TrackedFile, stamp: FileStamp): void {
  noteGood(tracked, stamp);
  tracked.refusedDigest = undefined;
  tracked.toldPinned = undefined;
  tracked.takenDigest = undefined;
}

/** It was judged as it is, and is refused. */
export function noteRefused(
  tracked: TrackedFile,
  stamp: FileStamp,
  { digest, error }: { readonly digest: Digest | undefined; readonly error: ErrorRecord },
): void {
  tracked.judgedStamp = stamp;
  tracked.refusal = error;
  tracked.refusedDigest = digest;
}

/** What a site says of a module: what serves, or else why nothing does; undefined: no verdict. */
export function moduleOf(
  version: ModuleVersion | undefined,
  versions: { readonly versions?: readonly ModuleVersion[] },
  error: ErrorRecord | undefined,
): SiteModule | undefined {
  if (version === undefined) return error && { kind: 'refused', error };
  const { digest, abi } = version;
  return { kind: 'serving', digest, abi, ...versions };
}
