/**
 * Which failures of a directory are put up with. Authorities restart, shed load and drop
 * connections all day; an order of ten requests that gives up at the first of these leaves a name
 * dark for a minute and counts against its quota. Time, chance and waiting are handed in.
 */
import { AcmeError } from './problem.ts';

export interface PatienceOptions {
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
  readonly wait: (delayMs: number) => Promise<void>;
  /** From 0 to 1. */
  readonly random: () => number;
}

export interface Effort {
  /** For failures: "Cannot <action>: …". */
  readonly action: string;
  /** No wait goes beyond it. Milliseconds since the Unix epoch. */
  readonly deadlineMs: number;
  /** Asking changes nothing there: a GET, or a POST-as-GET. */
  readonly isRead: boolean;
}

const attemptsMax = 5;
const pauseMsMin = 1_000;
const pauseMsMax = 10_000;
/** A new order that is one too many waits for no longer than this: quotas count hours. */
const limitedPauseMsMax = 15_000;

export class Patience {
  readonly #options: PatienceOptions;
  readonly #closing = Promise.withResolvers<void>();
  #isClosed = false;

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  /**
   * What `attempt` resolves to, tried again after failures that may pass: at most five times, after
   * a second, two, four, or what the server says. Rejects with the last AcmeError.
   */
  async repeat<T>(attempt: () => Promise<T>, effort: Effort): Promise<T> {
    for (let attempts = 1; ; attempts += 1) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof AcmeError) || !mayPass(error, effort.isRead)) throw error;
        const pauseMs = Math.min(pauseMsMax, pauseMsMin * 2 ** (attempts - 1));
        const isPaused = attempts < attemptsMax && (await this.pause(pauseMs, error, effort));
        if (!isPaused) throw error;
      }
    }
  }

  /**
   * Waits for `usualMs`, or for as long as the server asked where that is more; a little more than
   * that, so that what was refused together does not come back together. False, at once, when it
   * would last beyond the deadline. Rejects with AcmeError when it is all given up.
   */
  async pause(
    usualMs: number,
    server: { readonly retryAfterMs: number | undefined },
    effort: Pick<Effort, 'action' | 'deadlineMs'>,
  ): Promise<boolean> {
    const { nowMs, random, wait } = this.#options;
    const pauseMs = Math.max(usualMs, server.retryAfterMs ?? 0) * (1 + random() / 4);
    if (nowMs() + pauseMs > effort.deadlineMs) return false;
    await Promise.race([wait(pauseMs), this.#closing.promise]);
    if (!this.#isClosed) return true;
    throw new AcmeError('unavailable', `Cannot ${effort.action}: it was given up`);
  }

  /** Ends every pause. */
  close(): void {
    this.#isClosed = true;
    this.#closing.resolve();
  }
}

/** Whether the same request may fare better in a moment. */
function mayPass(error: AcmeError, isRead: boolean): boolean {
  const { fault, retryAfterMs, status } = error;
  // An answer that makes no sense makes none the next time either.
  if (status === undefined) return false;
  if (status === 0 || status === 408 || fault === 'unavailable') return true;
  if (fault === 'rate-limited') {
    return isRead || (retryAfterMs !== undefined && retryAfterMs <= limitedPauseMsMax);
  }
  // Big authorities have several databases: what one has just made, another may not know yet.
  return status === 404 && isRead;
}
