/** Promises of this thread that were rejected, and nobody awaits. Touches the process. */
import { describeError } from '../errors.ts';
import type { Journal } from './journal.ts';

/**
 * Ours by definition: no guest and no visitor can reach a promise of ours. It is said and the
 * thread goes on: ending it would turn one lost request into hundreds, and where it is the control
 * plane's, into all of them.
 */
export function logUnhandled(journal: Journal): void {
  process.on('unhandledRejection', (reason) => {
    journal.tell('thread-rejection', { errorDetail: describeError(reason) });
  });
}
