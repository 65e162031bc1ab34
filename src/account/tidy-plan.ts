/**
 * When memory is to be tidied: soon after something large was let go, or where much more lies
 * outside of the account than before; seldom where it only may be garbage, because looking through
 * a heap holds its thread for tens of milliseconds. Counted in looks of the overseer, some four a
 * second.
 */

export interface MemoryNow {
  readonly heldBytes: number;
  /** Resident, and charged by nobody. */
  readonly outsideBytes: number;
  /** What the program needs by itself. */
  readonly baseBytes: number;
  /** Idle guests must go: then it cannot wait for calmer times. */
  readonly isShort: boolean;
}

export type TidyStep = 'collect' | 'trim';

/** A change by less is not worth a collection. */
const changeShare = 0.1;
/**
 * While memory is plenty neither is this: what heaps and compiled code grow by under ordinary load.
 * A collection that V8 was asked for also leaves it little room until the next ones: a daemon that
 * answers with 64 KiB collected ten times as often from then on (measured, docs/rationale.md).
 */
const changeBytesMin = 256 * 1024 * 1024;
const looksBetween = 20;
/** First collect; what that frees can be trimmed; then it shows what is in use. */
const looksToTrim = 4;
const looksToJudge = 8;
/** Between two times for nothing but a suspicion; each is followed by twice as long a pause. */
const looksToSuspectMin = 120;
const looksToSuspectMax = 2_400;

export class TidyPlan {
  #looks = looksBetween;
  #looksToSuspect = looksToSuspectMin;
  /** Of the outside bytes, what the last time did not bring back. */
  #usedBytes = 0;
  #heldPeakBytes = 0;

  /** To be called with every look. */
  next({ heldBytes, outsideBytes, baseBytes, isShort }: MemoryNow): readonly TidyStep[] {
    this.#looks += 1;
    if (this.#looks === looksToJudge) this.#usedBytes = outsideBytes;
    this.#usedBytes = Math.min(this.#usedBytes, outsideBytes);
    this.#heldPeakBytes = Math.max(this.#heldPeakBytes, heldBytes);
    if (this.#looks === looksToTrim) return ['trim'];
    const leastMore = isShort ? 0 : changeBytesMin;
    const tolerated = (bytes: number): number => bytes + Math.max(bytes * changeShare, leastMore);
    if (this.#looks < looksBetween || outsideBytes <= tolerated(baseBytes)) return [];
    // While much is held there is much to do, and V8 collects by itself.
    if (heldBytes > baseBytes && !isShort) return [];
    const hasGrown = outsideBytes > tolerated(Math.max(baseBytes, this.#usedBytes));
    const letGoBytes = this.#heldPeakBytes - heldBytes;
    const hasLetGo = letGoBytes > Math.max(outsideBytes * changeShare, leastMore);
    if (!hasGrown && !hasLetGo && this.#looks < this.#looksToSuspect) return [];
    const pause = hasGrown || hasLetGo ? looksToSuspectMin : this.#looksToSuspect * 2;
    this.#looksToSuspect = Math.min(looksToSuspectMax, pause);
    this.#looks = 0;
    this.#heldPeakBytes = heldBytes;
    return ['collect'];
  }
}
