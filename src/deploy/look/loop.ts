/** When a folder is looked at: one look at a time, again after each poll interval and each hint. */
import { Signal } from '../../threads/signal.ts';

export interface LookLoopOptions {
  /**
   * Looks once; resolves to the milliseconds until it is worth looking again, 0: as polled.
   * `isPoll`: nobody asked, the time had come.
   */
  readonly look: (isPoll: boolean) => Promise<number>;
  readonly pollMs: () => number;
  /** How long hints must have stopped before they are acted on. */
  readonly quietMs: () => number;
}

/** Folders that came into use together are not polled together for ever. */
const pollSpread = 0.2;
/**
 * After so long without one, the first hint is acted on at once, because it may be one small
 * change; and the second soon, which may be the end of a larger one.
 */
const calmMs = 500;
const soonMs: readonly number[] = [5, 25];
/** Behind the first answer of a folder, which would share the machine with a look. */
const unheardMs = 250;

export class LookLoop {
  readonly #options: LookLoopOptions;
  readonly #ended = new Signal();
  #pollTimer: NodeJS.Timeout | undefined;
  #hintTimer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #isWanted = false;
  #lookCount = 0;
  #hintedAtMs = Number.NEGATIVE_INFINITY;
  /** Hints that were acted on since the last calm. */
  #hintCount = 0;
  #isHinted = false;
  #isClosed = false;

  constructor(options: LookLoopOptions) {
    this.#options = options;
  }

  /** Looks that have ended. */
  get lookCount(): number {
    return this.#lookCount;
  }

  /** What `lookCount` is when a look has ended that begins from now on. */
  get lookCountAfterNext(): number {
    return this.#lookCount + (this.#looking === undefined ? 1 : 2);
  }

  /** Something changed: looks when it has been quiet. */
  hint(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#hintTimer);
    if (performance.now() - this.#hintedAtMs > calmMs) this.#hintCount = 0;
    const quietMs = Math.min(this.#options.quietMs(), soonMs[this.#hintCount] ?? Infinity);
    this.#isHinted = true;
    this.#hintTimer = setTimeout(() => this.#takeHint(), quietMs);
  }

  /** Something may have changed of which nobody heard: looks soon, if no hint comes before. */
  lookSoon(): void {
    if (this.#isClosed || this.#isHinted) return;
    clearTimeout(this.#hintTimer);
    this.#hintTimer = setTimeout(() => this.lookNow(), unheardMs);
  }

  /** Looks at once, or once more after the look that is running. */
  lookNow(): void {
    this.#begin(false);
  }

  /** Resolves at the end of a look, or after `waitMsMax`. */
  async nextLook(waitMsMax: number): Promise<void> {
    if (this.#isClosed) return;
    await this.#ended.next(waitMsMax);
  }

  /** Resolves at the end of a look that begins from now on, or when there are no further ones. */
  async lookAnew(waitMsMax: number): Promise<void> {
    const countNeeded = this.lookCountAfterNext;
    this.lookNow();
    while (this.#lookCount < countNeeded && !this.#isClosed) await this.nextLook(waitMsMax);
  }

  /** No further looks; resolves when the running one has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#pollTimer);
    clearTimeout(this.#hintTimer);
    this.#ended.notify();
    await this.#looking;
  }

  #takeHint(): void {
    this.#isHinted = false;
    this.#hintedAtMs = performance.now();
    this.#hintCount += 1;
    this.lookNow();
  }

  #begin(isPoll: boolean): void {
    if (this.#isClosed) return;
    if (this.#looking !== undefined) {
      this.#isWanted = true;
      return;
    }
    clearTimeout(this.#pollTimer);
    this.#isWanted = false;
    this.#looking = this.#lookOnce(isPoll);
  }

  async #lookOnce(isPoll: boolean): Promise<void> {
    const waitMs = await this.#options.look(isPoll);
    this.#looking = undefined;
    this.#lookCount += 1;
    this.#ended.notify();
    if (this.#isClosed) return;
    const isWanted = this.#isWanted;
    const isDue = isWanted || waitMs > 0;
    const pollMs = this.#options.pollMs() * (1 - pollSpread * Math.random());
    const delayMs = waitMs > 0 ? Math.min(waitMs, pollMs) : pollMs;
    this.#pollTimer = setTimeout(() => this.#begin(!isDue), isWanted ? 0 : delayMs);
  }
}
