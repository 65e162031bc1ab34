/**
 * The writes that wait for the one writer, in turn by owner. Pure.
 *
 * The attack: Mallory stores 4 MiB over forty connections, and Alice's hundred bytes wait for all
 * of it. So each owner has a queue of its own, and a transaction is put together by deficit round
 * robin (Shreedhar and Varghese, 1995): in every round each owner may add so many bytes. A write
 * larger than a transaction goes alone, so that nobody's small one waits for more than one of them.
 */
import type { OwnerKey } from '../../names.ts';
import type { WriteRequest } from './messages.ts';
import { ownerOfSpace } from './spaces.ts';

/** `From`: where the answer goes. */
export interface Arrived<From> {
  readonly from: From;
  readonly request: WriteRequest;
}

interface OwnerQueue<From> {
  readonly waiting: Arrived<From>[];
  /** Bytes that the owner may still add, from earlier rounds. */
  deficit: number;
}

/** One transaction takes at most so much: the journal and the wait for an answer stay short. */
const transactionWritesMax = 1_000;
const transactionBytesMax = 1024 * 1024;
const bytesPerRound = 256 * 1024;
/** What a write costs beside its bytes. */
const writeBytes = 256;

export class OwnerQueues<From> {
  /** In the order in which they have their turn. */
  readonly #queues = new Map<OwnerKey, OwnerQueue<From>>();

  get isEmpty(): boolean {
    return this.#queues.size === 0;
  }

  push(arrived: Arrived<From>): void {
    const owner = ownerOfSpace(arrived.request.area, arrived.request.name);
    const queue = this.#queues.get(owner);
    if (queue === undefined) this.#queues.set(owner, { waiting: [arrived], deficit: 0 });
    else queue.waiting.push(arrived);
  }

  /** Takes off what the next transaction writes: in order for each owner. */
  takeTransaction(): readonly Arrived<From>[] {
    const taken: Arrived<From>[] = [];
    let bytes = 0;
    let writes = 0;
    const hasRoom = (next: Arrived<From>): boolean =>
      taken.length === 0 ||
      (writes + next.request.writes.length <= transactionWritesMax &&
        bytes + costOf(next.request) <= transactionBytesMax);
    while (!this.isEmpty) {
      for (const [owner, queue] of [...this.#queues]) {
        queue.deficit += bytesPerRound;
        const [next] = queue.waiting;
        if (next === undefined || !hasRoom(next)) return taken;
        const count = countWithin(queue, hasRoom, (one) => {
          taken.push(one);
          bytes += costOf(one.request);
          writes += one.request.writes.length;
        });
        queue.waiting.splice(0, count);
        // Behind all others; an owner with nothing to write saves nothing up.
        this.#queues.delete(owner);
        if (queue.waiting.length > 0) this.#queues.set(owner, queue);
      }
    }
    return taken;
  }
}

/** Takes from the front what the deficit and the transaction allow; how many that were. */
function countWithin<From>(
  queue: OwnerQueue<From>,
  hasRoom: (next: Arrived<From>) => boolean,
  take: (one: Arrived<From>) => void,
): number {
  let count = 0;
  for (const next of queue.waiting) {
    const cost = costOf(next.request);
    if (cost > queue.deficit || !hasRoom(next)) break;
    queue.deficit -= cost;
    take(next);
    count += 1;
  }
  return count;
}

function costOf({ writes }: WriteRequest): number {
  let bytes = 0;
  for (const { key, value, meta } of writes) {
    bytes += key.byteLength + value.byteLength + (meta?.byteLength ?? 0) + writeBytes;
  }
  return bytes;
}
