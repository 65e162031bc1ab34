/** Edge: /proc, on Linux. */
import { readlinkSync } from 'node:fs';

/** How the system calls the thread that asks; undefined where it does not say. */
export function ownSystemThread(): string | undefined {
  try {
    return /\/task\/(\d+)$/.exec(readlinkSync('/proc/thread-self'))?.[1];
  } catch {
    // Not Linux, or no /proc: whoever wanted to know goes by the clock.
    return undefined;
  }
}
