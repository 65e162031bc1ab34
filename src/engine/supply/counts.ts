/** How often instances of guests were made, put back and given up on a thread, since its start. */

export interface SupplyCounts {
  readonly created: number;
  readonly restored: number;
  readonly discarded: number;
  /** Of them, those that nobody wanted for a while. */
  readonly discardedIdle: number;
}

export const noSupplyCounts: SupplyCounts = {
  created: 0,
  restored: 0,
  discarded: 0,
  discardedIdle: 0,
};

/** What counts. */
export type SupplyCounter = { -readonly [name in keyof SupplyCounts]: number };
