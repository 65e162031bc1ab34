/**
 * How often and how much may be written into a folder: every device that syncs it gets it. Pure.
 */

export type FeedbackFile = 'status' | 'log';

const dayMs = 86_400_000;
const bytesPerDayMax = 50 * 1024 * 1024;
const pauseMs = 600_000;
const gapsMs = {
  status: { local: 10_000, network: 60_000 },
  log: { local: 60_000, network: 300_000 },
} as const;

export class Churn {
  readonly #writtenAtMs: Record<FeedbackFile, number> = {
    status: Number.NEGATIVE_INFINITY,
    log: Number.NEGATIVE_INFINITY,
  };
  #day = 0;
  #bytesOfDay = 0;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;

  /** Whether `bytes` more may be written now. */
  allows(file: FeedbackFile, bytes: number, at: { nowMs: number; isNetwork: boolean }): boolean {
    const { isNetwork, nowMs } = at;
    const gapMs = gapsMs[file][isNetwork ? 'network' : 'local'];
    if (nowMs < this.#pausedUntilMs || nowMs < this.#writtenAtMs[file] + gapMs) return false;
    const before = Math.floor(nowMs / dayMs) === this.#day ? this.#bytesOfDay : 0;
    return before + bytes <= bytesPerDayMax;
  }

  wrote(file: FeedbackFile, bytes: number, nowMs: number): void {
    const day = Math.floor(nowMs / dayMs);
    this.#bytesOfDay = (day === this.#day ? this.#bytesOfDay : 0) + bytes;
    this.#day = day;
    this.#writtenAtMs[file] = nowMs;
  }

  /** It could not be written: most often it cannot for a while. */
  failed(nowMs: number): void {
    this.#pausedUntilMs = nowMs + pauseMs;
  }
}
