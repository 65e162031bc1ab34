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

/** To be called before threads are started. */
export function optimiseSoon(): void {
  setFlagsFromString(`--invocation-count-for-turbofan=${callsUntilOptimised}`);
}
