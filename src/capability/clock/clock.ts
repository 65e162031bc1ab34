/** The guest's clocks. Edge: the system clock, and only here. */
import type { Clock, Timer } from './contract.ts';

const nsPerMs = 1_000_000n;

/**
 * Whole milliseconds although the type holds nanoseconds: finer time would mostly serve
 * a guest that measures what its neighbours do to the caches they share.
 */
export const systemClock: Clock = {
  nowNs(): bigint {
    return BigInt(Date.now()) * nsPerMs;
  },
};

const resolutionNs = 100_000n;
/** What `setTimeout` takes; a guest that wants to sleep longer is ended before. */
const delayMsMax = 0x7fff_ffff;

/** Steps of 100 µs, for the same reason; waiting is in whole milliseconds, rounded up. */
export const systemTimer: Timer = {
  resolutionNs,
  nowNs(): bigint {
    return BigInt(Math.floor(performance.now() * 10)) * resolutionNs;
  },
  start(delayNs: bigint, onDue: () => void): () => void {
    const delayMs = (delayNs + nsPerMs - 1n) / nsPerMs;
    const waitMs = delayMs > BigInt(delayMsMax) ? delayMsMax : Number(delayMs);
    const dueMs = performance.now() + waitMs;
    // The event loop's own clock is a turn old: its timers may come up to a millisecond early.
    const check = (): void => {
      const restMs = dueMs - performance.now();
      if (restMs > 0) timer = setTimeout(check, Math.ceil(restMs));
      else onDue();
    };
    let timer = setTimeout(check, waitMs);
    return () => clearTimeout(timer);
  },
};
