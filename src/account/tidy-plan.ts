/**
 * When memory is to be tidied: soon after something large was let go, or where much more lies
 * outside of the account than before; after less, once it is calm again, and once for each time
 * that it was not; seldom where it only may be garbage, because looking through a heap holds its
 * thread for tens of milliseconds. Counted in looks of the overseer, some four a second.
 */

export interface MemoryNow {
  readonly heldBytes: number;
  /** Resident, and charged by nobody. */
  readonly outsideBytes: number;
  /** What the program needs by itself. */
  readonly baseBytes: number;
  /** Idle guests must go: then it cannot wait for calmer times. */
  readonly isShort: boolean;
  /** Serving threads have had little to do for some seconds: nobody minds a collection. */
  readonly isCalm: boolean;
}

/** A change by less is not worth a collection. */
const changeShare = 0.1;
/** Nor is this while there is much to do: heaps and compiled code grow under any load. */
const changeBytesMin = 256 * 1024 * 1024;
/** Nor this when it is calm again: about what a young generation takes for itself. */
const calmBytesMin = 32 * 1024 * 1024;
const looksBetween = 20;
/** What was collected has been trimmed by then: it shows what is in use. */
const looksToJudge = 12;
/** Between two times for nothing but a suspicion; each is followed by twice as long a pause. */
const looksToSuspectMin = 120;
const looksToSuspectMax = 2_400;
/**
 * V8 keeps the pages that a young generation leaves for ten seconds, and gives them back at a full
 * collection after that: 46 MiB of each thread.
 */
const looksToSecond = 48;

export class TidyPlan {
  #looks = looksBetween;
  #looksToSuspect = looksToSuspectMin;
  /** Of the outside bytes, what the last time did not bring back. */
  #usedBytes = 0;
  #heldPeakBytes = 0;
  /** Since the last collection in a calm time. */
  #wasBusy = false;
  /** The last collection was the first of a calm time that has not ended. */
  #awaitsSecond = false;

  /** To be called with every look: whether garbage is to be collected now. */
  next(now: MemoryNow): boolean {
    const { heldBytes, outsideBytes, isCalm } = now;
    this.#looks += 1;
    if (this.#looks === looksToJudge) this.#usedBytes = outsideBytes;
    this.#usedBytes = Math.min(this.#usedBytes, outsideBytes);
    this.#heldPeakBytes = Math.max(this.#heldPeakBytes, heldBytes);
    this.#wasBusy ||= !isCalm;
    this.#awaitsSecond &&= isCalm;
    if (this.#looks < looksBetween) return false;
    const isSecond = this.#isSecond(now);
    if (!isSecond && !this.#isWorthwhile(now)) return false;
    this.#awaitsSecond = isCalm && this.#wasBusy;
    if (isCalm) this.#wasBusy = false;
    this.#looks = 0;
    this.#heldPeakBytes = heldBytes;
    return true;
  }

  /** What the first has made free, V8 has kept until now. */
  #isSecond({ heldBytes, outsideBytes, baseBytes }: MemoryNow): boolean {
    if (!this.#awaitsSecond || this.#looks < looksToSecond) return false;
    this.#awaitsSecond = false;
    return heldBytes > baseBytes || isMore(outsideBytes, baseBytes, calmBytesMin);
  }

  #isWorthwhile({ heldBytes, outsideBytes, baseBytes, isShort, isCalm }: MemoryNow): boolean {
    // While much is held there is much to do, and V8 collects by itself. In a calm time guests
    // wait: each counts as much as it may take, and what lies outside does not show beside that.
    if (heldBytes > baseBytes && !isShort) {
      return isCalm && this.#wasBusy && this.#looks >= looksToSuspectMin;
    }
    const leastMore = isShort ? 0 : changeBytesMin;
    const knownBytes = Math.max(baseBytes, this.#usedBytes);
    const letGoBytes = this.#heldPeakBytes - heldBytes;
    const isMuch = isMore(outsideBytes, baseBytes, leastMore);
    const hasGrown = isMore(outsideBytes, knownBytes, leastMore);
    const hasLetGo = letGoBytes > Math.max(outsideBytes * changeShare, leastMore);
    if (isMuch && (hasGrown || hasLetGo)) {
      this.#looksToSuspect = looksToSuspectMin;
      return true;
    }
    const hasGrownInCalm = isCalm && isMore(outsideBytes, knownBytes, calmBytesMin);
    if (hasGrownInCalm && this.#wasBusy) return true;
    if (!(isMuch || hasGrownInCalm) || this.#looks < this.#looksToSuspect) return false;
    this.#looksToSuspect = Math.min(looksToSuspectMax, this.#looksToSuspect * 2);
    return true;
  }
}

function isMore(bytes: number, thanBytes: number, leastMore: number): boolean {
  return bytes > thanBytes + Math.max(thanBytes * changeShare, leastMore);
}
