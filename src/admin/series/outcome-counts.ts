/** How many requests a row of counters has, and how many of them failed. Pure. */
import { counterPlace, outcomes } from '../../journal/counter-fields.ts';

/** What a request that failed ended as. */
const failures: ReadonlySet<string> = new Set([
  ...['exited', 'trapped', 'out-of-cpu', 'out-of-time', 'out-of-memory', 'refused', 'failed'],
  'ended',
]);

export function requestsIn(words: Float64Array): {
  readonly requests: number;
  readonly errors: number;
} {
  let requests = 0;
  let errors = 0;
  for (const [at, outcome] of outcomes.entries()) {
    const count = words[counterPlace.requests + at] ?? 0;
    requests += count;
    if (failures.has(outcome)) errors += count;
  }
  return { requests, errors };
}
