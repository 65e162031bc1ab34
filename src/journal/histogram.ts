/** How long things took, in buckets: for what happens seldom, in one thread. */

export class Histogram {
  /** Upper ends in seconds; one bucket more holds what is longer. */
  readonly ends: readonly number[];
  readonly counts: number[];
  /** Seconds. */
  sum = 0;

  constructor(ends: readonly number[]) {
    this.ends = ends;
    this.counts = new Array(ends.length + 1).fill(0);
  }

  add(seconds: number): void {
    const found = this.ends.findIndex((end) => seconds <= end);
    const place = found === -1 ? this.ends.length : found;
    this.counts[place] = (this.counts[place] ?? 0) + 1;
    this.sum += seconds;
  }
}
