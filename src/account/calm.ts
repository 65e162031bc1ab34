/**
 * Whether the process has little to do: by the CPU time that it used in the last few seconds, all
 * its threads and V8's own together. Pure: the times are handed in.
 */

/** So long it is measured before it is judged. */
const windowMs = 5_000;
/** Of one core: a collection holds all threads, and hardly anybody is there to wait for it. */
const calmShare = 0.1;

export class Calm {
  #startedAtMs: number | undefined;
  #cpuMsAtStart = 0;
  #isCalm = false;

  /** What the last whole window says; not calm before there is one. */
  look({ cpuMs, nowMs }: { readonly cpuMs: number; readonly nowMs: number }): boolean {
    const tookMs = nowMs - (this.#startedAtMs ?? nowMs);
    if (this.#startedAtMs !== undefined && tookMs < windowMs) return this.#isCalm;
    this.#isCalm = tookMs > 0 && cpuMs - this.#cpuMsAtStart < tookMs * calmShare;
    this.#startedAtMs = nowMs;
    this.#cpuMsAtStart = cpuMs;
    return this.#isCalm;
  }
}
