/**
 * How much fuel to give so that a guest comes back for more in time. Instructions differ a
 * hundredfold in what they cost, so the amount follows measured time, at least and at most so much
 * (engine section C).
 */

/** Time between two checks that is aimed at: a hundredth of a millisecond's tenth costs nothing. */
const aimMs = 0.1;
const fuelMin = 1_000;
/**
 * Some 20 µs of what V8 is quick at, so that a check is a hundredth of that. The first store to
 * a page takes 2 µs on a virtual machine, however few instructions lead to it: with two million,
 * a run that computed first and then touched all of 119 MiB came back after 60 ms.
 */
const fuelMax = 50_000;
/** Fuel grows no more than so many times a check: a slow stretch may follow a fast one. */
const growthMax = 4;

/**
 * What a guest gets that was never measured, or whose pages the system has to bring first: well
 * below the aim on any machine.
 */
export const firstFuel = 5_000;

export class FuelGauge {
  #fuel: number;
  /** When the fuel was given; undefined when the time since then is not the guest's alone. */
  #givenAtMs: number | undefined;

  constructor(fuel: number) {
    this.#fuel = fuel;
  }

  /** The amount that a guest gets now. */
  get fuel(): number {
    return this.#fuel;
  }

  /** What the next run of the same program gets: it may do something else than this one. */
  get firstOfNext(): number {
    return Math.min(this.#fuel, firstFuel);
  }

  /** The guest did not run all the time since its last fuel: that stretch is not measured. */
  interrupt(): void {
    this.#givenAtMs = undefined;
  }

  /** The amount for a guest that goes on now: from here on the time is its alone. */
  give(nowMs: number): number {
    this.#givenAtMs = nowMs;
    return this.#fuel;
  }

  /** The next fuel. `remaining` is what was left, negative where it was overdrawn. */
  refill(remaining: number, nowMs: number): number {
    if (this.#givenAtMs !== undefined) {
      const tookMs = nowMs - this.#givenAtMs;
      const usedFuel = this.#fuel - remaining;
      const wanted = tookMs > 0 ? (usedFuel / tookMs) * aimMs : fuelMax;
      const bounded = Math.min(wanted, this.#fuel * growthMax, fuelMax);
      this.#fuel = Math.max(fuelMin, Math.floor(bounded));
    }
    return this.give(nowMs);
  }
}
