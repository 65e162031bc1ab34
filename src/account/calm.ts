/**
 * Whether visitors ask for little: by how much of their time in the last few seconds the serving
 * threads were at work. What the control plane does holds up nobody: a daemon with hundreds of
 * folders never rests. Pure: the times are handed in.
 */

/** So long it is measured before it is judged. */
const windowMs = 5_000;
/** Of one thread: a collection holds all of them, and hardly anybody is there to wait for it. */
const calmShare = 0.1;

export class Calm {
  #startedAtMs: number | undefined;
  #looks = 0;
  #shares = 0;
  #isCalm = false;

  /** What the last whole window says; not calm before there is one. */
  look({ share, nowMs }: { readonly share: number; readonly nowMs: number }): boolean {
    this.#startedAtMs ??= nowMs;
    this.#looks += 1;
    this.#shares += share;
    if (nowMs - this.#startedAtMs < windowMs) return this.#isCalm;
    this.#isCalm = this.#shares < this.#looks * calmShare;
    this.#startedAtMs = nowMs;
    this.#looks = 0;
    this.#shares = 0;
    return this.#isCalm;
  }
}
