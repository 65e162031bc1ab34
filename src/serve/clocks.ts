/** The clocks of the request road, handed in so that whoever builds it may turn them. */
export interface Clocks {
  /** Milliseconds that never go back, from any start. */
  readonly nowMs: () => number;
  /** Milliseconds since the Unix epoch. */
  readonly wallMs: () => number;
}

export const systemClocks: Clocks = { nowMs: () => performance.now(), wallMs: () => Date.now() };
