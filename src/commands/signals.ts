/**
 * What a stop signal means. A process group delivers one Ctrl-C twice (from the terminal and from
 * the parent that passes it on), so signals close together count as one.
 */

const sameSignalMs = 1_000;

export type StopStep = 'drain' | 'force' | 'nothing';

export class StopGate {
  #firstAtMs: number | undefined;

  /** The first signal drains, one within a second of it is the same one, a later one forces. */
  take(nowMs: number): StopStep {
    if (this.#firstAtMs === undefined) {
      this.#firstAtMs = nowMs;
      return 'drain';
    }
    return nowMs - this.#firstAtMs < sameSignalMs ? 'nothing' : 'force';
  }
}
