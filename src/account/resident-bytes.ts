/** Edge: what the system says of the process. */

/**
 * Bytes of the process that are in memory; undefined where the system does not say. To ask it takes
 * an open file: without one to be had the question fails, and the process must go on.
 */
export function residentBytes(): number | undefined {
  try {
    return process.memoryUsage.rss();
  } catch {
    return undefined;
  }
}
