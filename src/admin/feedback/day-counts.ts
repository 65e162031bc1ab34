/** Requests and failures of each folder in about the last 24 hours. Touches nothing. */
import type { CountedRow } from '../../journal/counter-book.ts';
import { counterPlace, outcomes, statusClasses } from '../../journal/counter-fields.ts';
import type { DayCounts } from './status-file.ts';

const hourMs = 3_600_000;
const hoursKept = 24;

interface Total {
  requests: number;
  failures: number;
}

interface Kept {
  /** What the counters were at the beginning of each hour, oldest first. */
  readonly hours: { readonly hour: number; readonly total: Total }[];
}

export class FolderDays {
  readonly #kept = new Map<string, Kept>();

  /** Takes what the counters are now; answers the growth in a day, by folder. */
  take(rows: Iterable<CountedRow>, nowMs: number): ReadonlyMap<string, DayCounts> {
    const totals = totalsOf(rows);
    const hour = Math.floor(nowMs / hourMs);
    const days = new Map<string, DayCounts>();
    for (const folderKey of this.#kept.keys()) {
      if (!totals.has(folderKey)) this.#kept.delete(folderKey);
    }
    for (const [folderKey, total] of totals) {
      const kept = this.#kept.get(folderKey) ?? { hours: [] };
      this.#kept.set(folderKey, kept);
      const { hours } = kept;
      // Rows begin anew with another module: what falls was never counted.
      if (hours.at(-1)?.hour !== hour) hours.push({ hour, total });
      while ((hours[0]?.hour ?? hour) < hour - hoursKept) hours.shift();
      const [first] = hours;
      days.set(folderKey, {
        requests: Math.max(0, total.requests - (first?.total.requests ?? 0)),
        failures: Math.max(0, total.failures - (first?.total.failures ?? 0)),
      });
    }
    return days;
  }
}

const failureClass = statusClasses.indexOf('5xx');

function totalsOf(rows: Iterable<CountedRow>): ReadonlyMap<string, Total> {
  const totals = new Map<string, Total>();
  for (const { folderKey, words } of rows) {
    if (folderKey === undefined) continue;
    const total = totals.get(folderKey) ?? { requests: 0, failures: 0 };
    for (const at of outcomes.keys()) total.requests += words[counterPlace.requests + at] ?? 0;
    for (let at = failureClass; ; at += statusClasses.length) {
      const count = at < replyWords ? words[counterPlace.replies + at] : undefined;
      if (count === undefined) break;
      total.failures += count;
    }
    totals.set(folderKey, total);
  }
  return totals;
}

/** `guest`, `file`, `daemon`. */
const replyWords = 3 * statusClasses.length;
