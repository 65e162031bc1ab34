/**
 * Waiting things, served in turn by the site they belong to: a site with a hundred waiters gets no
 * more turns than a site with one. Within a site first come, first served.
 */

export interface Waiter {
  readonly siteKey: string;
}

interface SiteLine<T> {
  readonly waiters: Set<T>;
  /** When the site was last served, or began to wait. */
  sinceMs: number;
}

export class FairQueue<T extends Waiter> {
  /** In order of service: the site that has waited longest comes first. */
  readonly #lines = new Map<string, SiteLine<T>>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get siteCount(): number {
    return this.#lines.size;
  }

  push(waiter: T, nowMs: number): void {
    const line = this.#lines.get(waiter.siteKey);
    if (line === undefined) {
      this.#lines.set(waiter.siteKey, { waiters: new Set([waiter]), sinceMs: nowMs });
    } else {
      line.waiters.add(waiter);
    }
    this.#length += 1;
  }

  /** The next waiter, of the site that has waited longest; its site goes to the end of the line. */
  shift(nowMs: number): T | undefined {
    for (const [siteKey, line] of this.#lines) {
      this.#lines.delete(siteKey);
      for (const waiter of line.waiters) {
        line.waiters.delete(waiter);
        this.#length -= 1;
        if (line.waiters.size > 0) {
          line.sinceMs = nowMs;
          this.#lines.set(siteKey, line);
        }
        return waiter;
      }
    }
    return undefined;
  }

  /** Whether the waiter was there to be taken out. */
  delete(waiter: T): boolean {
    const line = this.#lines.get(waiter.siteKey);
    if (line === undefined || !line.waiters.delete(waiter)) return false;
    this.#length -= 1;
    if (line.waiters.size === 0) this.#lines.delete(waiter.siteKey);
    return true;
  }

  /** Since when the site that has waited longest waits; never, where nobody waits. */
  get oldestSinceMs(): number {
    for (const line of this.#lines.values()) return line.sinceMs;
    return Number.POSITIVE_INFINITY;
  }
}
