/**
 * Asking until somebody answers. A stream that has just been made, or whose leader has just died,
 * has nobody who answers, and a question that comes then is never answered, however long one
 * waits. So it is waited for briefly at first, and asked again. Only for what does no harm twice.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { EngineError, type Link, NoAnswer } from './link.ts';

export interface Patience {
  /** By `performance.now()`. */
  readonly untilMs: number;
  /** How long the first answer may take; each later one twice as long as the one before. */
  readonly firstMs: number;
}

export const apiFirstMs = 250;
const attemptMsMax = 2_000;
const pauseMs = 100;
/** The engine's words for "not now": no leader, or a write of the same id is under way. */
const busyCodes: ReadonlySet<number> = new Set([10_008, 10_009, 10_158]);

/**
 * Rejects with NoAnswer once time is over, and with what `ask` rejects with that is not passing.
 *
 * @param ask How long its answer may take, in milliseconds, is up to it to keep.
 */
export async function untilAnswered<T>(
  link: Link,
  { firstMs, untilMs }: Patience,
  ask: (timeoutMs: number) => Promise<T>,
): Promise<T> {
  for (let timeoutMs = firstMs; ; timeoutMs = Math.min(2 * timeoutMs, attemptMsMax)) {
    try {
      return await ask(Math.max(timeoutMs, 1));
    } catch (error) {
      if (!isPassing(error) || performance.now() > untilMs) throw error;
      await wait(link.isConnected ? pauseMs : 2 * pauseMs);
    }
  }
}

function isPassing(error: unknown): boolean {
  if (error instanceof NoAnswer) return true;
  return error instanceof EngineError && busyCodes.has(error.code);
}
