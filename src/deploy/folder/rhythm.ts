/** How often a folder is looked at: by who asks, how large it is, and how many others there are. */
import type { FolderTiming } from '../look/timing.ts';

/** The folders of the process that are asked for now. */
export class Crowd {
  readonly #members = new Set<Rhythm>();

  get size(): number {
    return this.#members.size;
  }

  add(member: Rhythm): void {
    this.#members.add(member);
  }

  delete(member: Rhythm): void {
    this.#members.delete(member);
  }
}

export interface RhythmOptions {
  readonly nowMs: () => number;
  readonly crowd: Crowd;
}

/**
 * Serving threads ask again at least once a minute while a site is requested. A folder that nobody
 * asks for is polled less often, and looked at before the next answer.
 */
const idleAfterMs = 150_000;
const idlePollFactor = 30;
/** Walking may take at most a tenth of the time: very large folders are polled less often. */
const largeFolderEntries = 1_000;
const walkTimeShare = 10;
const walkRestMsMax = 60_000;
/** A look takes the control plane a quarter of a millisecond: all together, a tenth of a core. */
const looksPerSecondMax = 400;
/** A glance takes a seventh of a millisecond. */
const glancesPerSecondMax = 700;
/** Where every change is heard of, so many polls are a glance, and one is a look. */
const pollsPerLook = 15;

export class Rhythm {
  readonly #options: RhythmOptions;
  #askedAtMs: number;
  #lookedAtMs = 0;
  #walkRestMs = 0;

  constructor(options: RhythmOptions) {
    this.#options = options;
    this.#askedAtMs = options.nowMs();
    options.crowd.add(this);
  }

  /** The folder is in use no more. */
  close(): void {
    this.#options.crowd.delete(this);
  }

  /** Somebody asks for the folder; answers whether it is to be looked at first. */
  ask({ pollMs }: FolderTiming): boolean {
    const nowMs = this.#options.nowMs();
    const wasIdle = this.#isIdle;
    this.#askedAtMs = nowMs;
    this.#options.crowd.add(this);
    return wasIdle && nowMs - this.#lookedAtMs > 2 * pollMs;
  }

  noteLook(): void {
    this.#lookedAtMs = this.#options.nowMs();
  }

  noteWalk(entryCount: number, tookMs: number): void {
    this.#walkRestMs = entryCount > largeFolderEntries ? tookMs * walkTimeShare : 0;
  }

  /** Milliseconds from one poll to the next. `hearsAll`: most of them are glances. */
  pollMs(timing: FolderTiming, hearsAll: boolean): number {
    const { crowd } = this.#options;
    if (this.#isIdle) crowd.delete(this);
    const perSecond = crowd.size / (timing.pollMs / 1_000);
    const busy = Math.max(1, perSecond / (hearsAll ? glancesPerSecondMax : looksPerSecondMax));
    const pollMs = timing.pollMs * (this.#isIdle ? idlePollFactor : busy);
    return Math.max(pollMs, Math.min(this.#walkRestMs, walkRestMsMax));
  }

  /** Whether the last look was so long ago that a glance would not do. */
  isLookDue(timing: FolderTiming): boolean {
    const sinceMs = this.#options.nowMs() - this.#lookedAtMs;
    return sinceMs > pollsPerLook * this.pollMs(timing, true);
  }

  get #isIdle(): boolean {
    return this.#options.nowMs() - this.#askedAtMs > idleAfterMs;
  }
}
