/**
 * What is counted of each module, as places in a row of numbers. Data. Counters only grow, but for
 * the peak of memory; a reader adds up the rows of all threads.
 */
import type { RequestRecord } from './request-record.ts';

/** A table, so that no outcome can be left out. */
const outcomeTable: { readonly [outcome in RequestRecord['outcome']]: true } = {
  replied: true,
  exited: true,
  trapped: true,
  'out-of-cpu': true,
  'out-of-time': true,
  'out-of-memory': true,
  abandoned: true,
  ended: true,
  refused: true,
  file: true,
  failed: true,
  redirected: true,
  challenge: true,
  'sealing-key': true,
  panel: true,
};

export const outcomes = Object.keys(outcomeTable) as readonly RequestRecord['outcome'][];

/** Upper ends of the buckets of request durations, in seconds; one more holds what is longer. */
export const durationBucketsS: readonly number[] = [
  0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  30,
];

/** Who made an answer, and the first digit of its status: a place for each of both. */
export const replyKinds = ['guest', 'file', 'daemon'] as const;
export const statusClasses = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;

/** How requests of modules to other servers ended. */
export const outboundResults = ['answered', 'error', 'failed', 'refused'] as const;
export type OutboundResult = (typeof outboundResults)[number];

/** What modules do with key-value stores. */
export const keyValueOps = ['read', 'store', 'append', 'remove', 'count', 'list'] as const;
export type KeyValueOp = (typeof keyValueOps)[number];

/** What a thread counts for the daemon as a whole: in the row that belongs to no module. */
export const threadCounts = [
  'instances-created',
  'instances-restored',
  'instances-discarded-idle',
  'instances-discarded-ended',
  'runs-refused',
  'handshakes-done',
  'handshakes-failed',
  'handshakes-refused',
  'log-lines-dropped',
  'traces-dropped',
] as const;
export type ThreadCount = (typeof threadCounts)[number];

/** The first place of each group; groups without a count are one number. */
const layout = layOut({
  requests: outcomes.length,
  durations: durationBucketsS.length + 1,
  durationSumUs: 1,
  guestCpuUs: 1,
  memoryPeakBytes: 1,
  receivedBytes: 1,
  sentBytes: 1,
  replies: replyKinds.length * statusClasses.length,
  outbound: outboundResults.length,
  keyValue: keyValueOps.length,
  thread: threadCounts.length,
});
export const counterPlace = layout.places;

/** Numbers of a row: whole cache lines, so that threads do not share one. */
export const counterRowWords = Math.ceil(layout.words / 8) * 8;

function layOut<Name extends string>(
  counts: Record<Name, number>,
): { readonly places: Readonly<Record<Name, number>>; readonly words: number } {
  let next = 0;
  const places = Object.entries<number>(counts).map(([name, count]) => {
    const place = next;
    next += count;
    return [name, place];
  });
  return { places: Object.fromEntries(places) as Record<Name, number>, words: next };
}
