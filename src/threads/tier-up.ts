/**
 * When V8's last compiler has the daemon's own functions. Touches V8's flags.
 *
 * V8 waits for 16,000 calls of each. Most of ours are called once for a request, so that 16,000
 * requests, and as many again wherever V8 had to take something back, ran on what its second
 * compiler makes. What a thousand calls have not shown, such as a client that hangs up, most of the
 * next fifteen thousand do not show either.
 */
import { setFlagsFromString } from 'node:v8';

/** Calls of a function by what the second compiler made. */
const callsUntilOptimised = 1_000;

/** What V8's own number comes to, which its flag does not tell. */
const usualCalls = 16_000;

/** To be called before threads are started. */
export function optimiseSoon(): void {
  setFlagsFromString(`--invocation-count-for-turbofan=${callsUntilOptimised}`);
}

/**
 * What `work` does, with V8's own number: a new module is rewritten once, by functions that are
 * called some thousand times for it and then perhaps never again. The number is the process's, so
 * that others wait a moment longer meanwhile.
 */
export function optimisingLate<T>(work: () => T): T {
  setFlagsFromString(`--invocation-count-for-turbofan=${usualCalls}`);
  try {
    return work();
  } finally {
    optimiseSoon();
  }
}
