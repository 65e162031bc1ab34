/** The clocks of the request road, handed in so that whoever builds it may turn them. */
export interface Clocks {
  /** Milliseconds that never go back, from any start. */
  readonly nowMs: () => number;
  /** Milliseconds since the Unix epoch. */
  readonly wallMs: () => number;
}

/** The global is a getter, which costs a sixth of a look at the clock. */
const clock = performance;

export const systemClocks: Clocks = { nowMs: () => clock.now(), wallMs: () => Date.now() };
