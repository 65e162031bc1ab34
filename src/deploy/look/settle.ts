/**
 * When a file is complete enough to be read (docs/spec/folders.md, 7.2). Pure: the clock is
 * handed in. A file that is still being copied has a stamp that moves; one cut at a section's end
 * may even be valid, so nothing but waiting tells.
 */
import type { FileStamp, ListedFile } from './scan.ts';
import type { FolderTiming } from './timing.ts';

/** Since when a file has been seen with one and the same stamp. */
export interface Sighting {
  readonly stamp: FileStamp;
  readonly sinceMs: number;
}

/** Files shorter than a module's header are somebody's truncation: give the writer longer. */
const headerBytes = 8;
const emptyQuietFactor = 5;

/** The sighting after one more look. */
export function sight(
  file: Pick<ListedFile, 'stamp'>,
  before: Sighting | undefined,
  nowMs: number,
): Sighting {
  return before?.stamp === file.stamp ? before : { stamp: file.stamp, sinceMs: nowMs };
}

/**
 * Milliseconds until the file may be read; 0 when it may be read now: it has not changed for
 * `quietMs` under our eyes, or its last change is at least `settledAgeMs` ago. A time in the future
 * (another machine's clock) counts as just now.
 */
export function settleWaitMs(
  file: Pick<ListedFile, 'sizeBytes' | 'changedAtMs'>,
  sighting: Sighting,
  clock: { readonly timing: FolderTiming; readonly nowMs: number },
): number {
  const { timing, nowMs } = clock;
  const factor = file.sizeBytes < headerBytes ? emptyQuietFactor : 1;
  const watchedMs = nowMs - sighting.sinceMs;
  const ageMs = nowMs - file.changedAtMs;
  const waitMs = Math.min(
    timing.quietMs * factor - watchedMs,
    timing.settledAgeMs * factor - Math.max(0, ageMs),
  );
  return Math.max(0, waitMs);
}

/** The shortest of the waits that are any, else 0. */
export function soonest(waitsMs: readonly number[]): number {
  const waiting = waitsMs.filter((waitMs) => waitMs > 0);
  return waiting.length === 0 ? 0 : Math.min(...waiting);
}
