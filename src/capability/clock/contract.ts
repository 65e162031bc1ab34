/** Time as a guest's ABI sees it. */

export interface Clock {
  /** Nanoseconds since the Unix epoch. */
  nowNs(): bigint;
}

/** Time that only goes on, for measuring and waiting; coarse, so that it serves for little else. */
export interface Timer {
  /** Nanoseconds since some instant. */
  nowNs(): bigint;
  readonly resolutionNs: bigint;
  /** Calls `onDue` once, `delayNs` from now or a bit later, unless the result is called first. */
  start(delayNs: bigint, onDue: () => void): () => void;
}
