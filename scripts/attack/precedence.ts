/**
 * Alice's visitors have machines of their own; here they share two cores with the daemon and its
 * attackers. Where the system lets us, whoever measures does not wait for a core that they have.
 */
import { constants, setPriority } from 'node:os';

/** Calls `measure` before all others, and not what it starts later: that would inherit it. */
export async function withPrecedence<T>(measure: () => Promise<T>): Promise<T> {
  const isFirst = tryPriority(constants.priority.PRIORITY_HIGH);
  try {
    return await measure();
  } finally {
    if (isFirst) tryPriority(constants.priority.PRIORITY_NORMAL);
  }
}

/** Only the superuser may raise it. */
function tryPriority(priority: number): boolean {
  try {
    setPriority(process.pid, priority);
    return true;
  } catch {
    return false;
  }
}
