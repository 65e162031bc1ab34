/** Where a share of requests ends, from counts in buckets. Pure. */
import { durationBucketsS } from '../journal/counter-fields.ts';

/**
 * The duration in milliseconds that `share` (0–1) of the requests did not pass, taken to lie evenly
 * within a bucket; null without requests. What is longer than the last end counts as that end.
 */
export function quantileMs(counts: ArrayLike<number>, share: number): number | null {
  let total = 0;
  for (let at = 0; at < counts.length; at += 1) total += counts[at] ?? 0;
  if (total === 0) return null;
  const wanted = total * share;
  let below = 0;
  for (let at = 0; at < durationBucketsS.length; at += 1) {
    const count = counts[at] ?? 0;
    if (below + count >= wanted && count > 0) {
      const start = at === 0 ? 0 : (durationBucketsS[at - 1] ?? 0);
      const end = durationBucketsS[at] ?? 0;
      const within = (wanted - below) / count;
      return Math.round((start + (end - start) * within) * 1e6) / 1e3;
    }
    below += count;
  }
  return (durationBucketsS.at(-1) ?? 0) * 1e3;
}
