/**
 * Whether a serving thread still turns. Edge: /proc, on Linux.
 *
 * By the clock alone a busy machine looks like a stuck thread: on two cores with a load of 15, a
 * thousand handshakes took both threads longer than five seconds of the clock and less than one of
 * a core; both were ended in the middle of their work, and nobody listened any more. So the time
 * that counts is what the system gave the thread. A thread that got none for long is in some call
 * that does not return; that too is stuck, after a longer while.
 */
import { readFileSync } from 'node:fs';

/** Without time on a core, so much longer by the clock. */
const blockedFactor = 6;

/** Time on a core that a thread of this process has had, in milliseconds. */
export function coreMsOf(systemThread: string | undefined): number | undefined {
  if (systemThread === undefined) return undefined;
  try {
    const text = readFileSync(`/proc/self/task/${systemThread}/schedstat`, 'utf8');
    const coreMs = Number(text.split(' ')[0]) / 1e6;
    return Number.isFinite(coreMs) ? coreMs : undefined;
  } catch {
    // It has ended, or the kernel keeps no such account.
    return undefined;
  }
}

/** What one thread's heartbeat has shown. */
export class Turning {
  readonly #stuckMs: number;
  #beat = 0;
  #beatAtMs: number;
  #coreMsAtBeat: number | undefined;

  constructor(stuckMs: number, nowMs: number) {
    this.#stuckMs = stuckMs;
    this.#beatAtMs = nowMs;
  }

  /** Since it was last seen to have gone on, in milliseconds. */
  beatAgeMs(nowMs: number): number {
    return nowMs - this.#beatAtMs;
  }

  /**
   * Looks at the beat now; how long it has stood still by the clock, in milliseconds, when that
   * means that the thread is stuck.
   */
  look(now: {
    readonly beat: number;
    readonly nowMs: number;
    readonly coreMs: number | undefined;
  }): number | undefined {
    const { beat, nowMs, coreMs } = now;
    if (beat !== this.#beat) {
      this.#beat = beat;
      this.#restart(nowMs, coreMs);
      return undefined;
    }
    const stoodMs = nowMs - this.#beatAtMs;
    if (stoodMs <= this.#stuckMs) return undefined;
    const isStarved =
      coreMs !== undefined &&
      this.#coreMsAtBeat !== undefined &&
      coreMs - this.#coreMsAtBeat <= this.#stuckMs;
    if (isStarved && stoodMs <= this.#stuckMs * blockedFactor) return undefined;
    this.#restart(nowMs, coreMs);
    return stoodMs;
  }

  #restart(nowMs: number, coreMs: number | undefined): void {
    this.#beatAtMs = nowMs;
    this.#coreMsAtBeat = coreMs;
  }
}
