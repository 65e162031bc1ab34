/** What one run may use where that is less than what every run may: its folder's owner says so. */
export interface RunLimits {
  readonly cpuMs?: number;
  readonly wallMs?: number;
  /** All memories of the instance together. */
  readonly memoryBytes?: number;
  /** Runs at once of those that share the run's seats, per thread. */
  readonly runs?: number;
}

export const noRunLimits: RunLimits = {};

/** What all may have, or less. */
export function atMost(most: number, own: number | undefined): number {
  return own === undefined ? most : Math.min(most, own);
}
