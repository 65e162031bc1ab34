/**
 * Counters of one thread, in memory that the control plane reads while the thread writes: a page a
 * thread, a row a module. A thread that replaces another goes on with its page, so that counters
 * never fall. Adding costs a few stores and never waits.
 */

import {
  counterPlace,
  counterRowWords,
  durationBucketsS,
  type KeyValueOp,
  keyValueOps,
  type OutboundResult,
  outboundResults,
  outcomes,
  statusClasses,
  type ThreadCount,
  threadCounts,
} from './counter-fields.ts';
import type { RequestRecord } from './request-record.ts';

/** Row 0: what belongs to no module, or to one for which there was no row. */
export const otherRow = 0;

/** One page for `rowsMax` modules. */
export function createCounterPage(rowsMax: number): SharedArrayBuffer {
  return new SharedArrayBuffer((rowsMax + 1) * counterRowWords * 8);
}

const outcomePlaces = new Map(
  outcomes.map((outcome, index) => [outcome, counterPlace.requests + index]),
);
const bucketsUs = durationBucketsS.map((seconds) => seconds * 1_000_000);

export class ThreadCounters {
  readonly #words: Float64Array;

  constructor(page: SharedArrayBuffer) {
    this.#words = new Float64Array(page);
  }

  /** Counts a request that is over, on the row of its module. */
  note(record: RequestRecord): void {
    const words = this.#words;
    const row = record.counterRow * counterRowWords;
    const { cpuUs, memoryBytes, outcome, wallUs } = record;
    add(words, row + (outcomePlaces.get(outcome) ?? counterPlace.requests), 1);
    add(words, row + counterPlace.durations + bucketOf(wallUs), 1);
    add(words, row + counterPlace.durationSumUs, wallUs);
    if (cpuUs !== undefined) add(words, row + counterPlace.guestCpuUs, cpuUs);
    add(words, row + counterPlace.receivedBytes, record.bytesReceived);
    add(words, row + counterPlace.sentBytes, record.bytesSent);
    add(words, row + counterPlace.replies + replyPlaceOf(record), 1);
    const peak = row + counterPlace.memoryPeakBytes;
    if (memoryBytes !== undefined && memoryBytes > (words[peak] ?? 0)) words[peak] = memoryBytes;
    if (record.errorCode === 'overloaded') this.noteThread('runs-refused');
  }

  /** Counts what a module has asked another server. */
  noteOutbound(counterRow: number, result: OutboundResult): void {
    const place = counterPlace.outbound + outboundResults.indexOf(result);
    add(this.#words, counterRow * counterRowWords + place, 1);
  }

  noteKeyValue(counterRow: number, op: KeyValueOp): void {
    const place = counterPlace.keyValue + keyValueOps.indexOf(op);
    add(this.#words, counterRow * counterRowWords + place, 1);
  }

  /** Counts what belongs to the thread as a whole. */
  noteThread(what: ThreadCount, amount = 1): void {
    const place = counterPlace.thread + threadCounts.indexOf(what);
    add(this.#words, otherRow * counterRowWords + place, amount);
  }
}

/** In the order of `replyKinds` and `statusClasses`. */
function replyPlaceOf({ modulePath, outcome, status }: RequestRecord): number {
  const kind = outcome === 'file' ? 1 : modulePath === undefined ? 2 : 0;
  const statusClass = Math.min(Math.max(Math.floor(status / 100), 1), statusClasses.length);
  return kind * statusClasses.length + statusClass - 1;
}

function add(words: Float64Array, place: number, amount: number): void {
  words[place] = (words[place] ?? 0) + amount;
}

function bucketOf(wallUs: number): number {
  let bucket = 0;
  while (bucket < bucketsUs.length && wallUs > (bucketsUs[bucket] ?? 0)) bucket += 1;
  return bucket;
}
