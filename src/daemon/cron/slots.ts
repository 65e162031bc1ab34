/** When an entry of a schedule comes, worked out from a clock that is handed in. Pure. */
import { createHash } from 'node:crypto';
import { type CronEntry, lastTime, nextTime } from '../../site/settings/cron.ts';

/** Runs that fall on one minute begin spread over this time. */
export const spreadMs = 5_000;
/** Later than this a run is a missed one: the machine slept, or the daemon was not there. */
export const graceMs = 60_000;
/** How far back missed runs are made up for. */
export const makeUpMs = 24 * 3_600_000;
const idDigits = 16;

/** The same for the same entry in every daemon, and over changes of the rest of the file. */
export function entryIdOf({ schedule, modulePath, target, timezone }: CronEntry): string {
  const text = JSON.stringify([schedule, modulePath, target, timezone]);
  return createHash('sha256').update(text).digest('hex').slice(0, idDigits);
}

/** How long after its minute an entry begins. */
export function delayOf(folderKey: string, entryId: string): number {
  const hash = createHash('sha256').update(`${folderKey}\n${entryId}`).digest();
  return hash.readUInt32BE(0) % spreadMs;
}

/** Milliseconds since the Unix epoch; undefined when it never comes again. */
export function slotAfter(entry: CronEntry, afterMs: number): number | undefined {
  return nextTime(entry, new Date(afterMs))?.getTime();
}

/** The last time in (afterMs, untilMs]; undefined when there is none. */
export function newestSlot(
  entry: CronEntry,
  { afterMs, untilMs }: { readonly afterMs: number; readonly untilMs: number },
): number | undefined {
  // Asked for backwards: a day of minutes, one after the other, holds the control plane for 0.1 s.
  const newest = lastTime(entry, new Date(untilMs + 1))?.getTime();
  const earliestMs = Math.max(afterMs, untilMs - makeUpMs);
  return newest === undefined || newest <= earliestMs ? undefined : newest;
}
