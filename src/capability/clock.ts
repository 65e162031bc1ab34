/** The guest's clock. Edge: the system clock, and only here. */
import type { Clock } from './capability.ts';

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
