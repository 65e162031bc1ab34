/** How often something comes, as a guest's ABI sees it: of one site, on this node. */

/**
 * Counters and boxes, each by a name, with entries that guests choose, such as addresses. Where
 * there are more than a table holds, those are forgotten that nothing came for longest.
 */
export interface RateTable {
  /** `delta` of 0 to 2^32-1. */
  add(counter: string, entry: string, delta: number): void;
  /** How many came in the last `seconds`, 1 to 60; the second at its edge counts in part. */
  recent(counter: string, entry: string, seconds: number): number;
  /** Puts an entry into a box, for so many seconds from now. */
  punish(box: string, entry: string, seconds: number): void;
  isPunished(box: string, entry: string): boolean;
}

export interface Rates {
  /**
   * The site's table, which all threads share; a promise where this thread has yet to ask for it.
   * Rejects with CapabilityRefusal `limit` where the node has no room for one more.
   */
  table(): RateTable | Promise<RateTable>;
}
