/**
 * The writes that wait for the one writer, in turn by owner. Pure.
 *
 * The attack: Mallory stores 4 MiB over forty connections, and Alice's hundred bytes wait for all
 * of it. So each owner has a queue of its own, and a transaction is put together by deficit round
 * robin (Shreedhar and Varghese, 1995): in every round each owner may add so many bytes. A write
 * larger than a transaction goes alone, so that nobody's small one waits for more than one of them.
 */
import type { MessagePort } from 'node:worker_threads';
import { type OwnerKey, ownerOf } from '../../names.ts';
import type { WriteRequest } from './messages.ts';

export interface Arrived {
  /** Where the answer goes. */
  readonly port: MessagePort;
  readonly request: WriteRequest;
}

interface OwnerQueue {
  readonly waiting: Arrived[];
  /** Bytes that the owner may still add, from earlier rounds. */
  deficit: number;
}

/** One transaction takes at most so much: the journal and the wait for an answer stay short. */
const transactionRequestsMax = 1_000;
const transactionBytesMax = 1024 * 1024;
const bytesPerRound = 256 * 1024;
/** What a write costs beside its bytes. */
const requestBytes = 256;

export class OwnerQueues {
  /** In the order in which they have their turn. */
  readonly #queues = new Map<OwnerKey, OwnerQueue>();

  get isEmpty(): boolean {
    return this.#queues.size === 0;
  }

  push(arrived: Arrived): void {
    const owner = ownerOf(arrived.request.folderKey);
    const queue = this.#queues.get(owner);
    if (queue === undefined) this.#queues.set(owner, { waiting: [arrived], deficit: 0 });
    else queue.waiting.push(arrived);
  }

  /** Takes off what the next transaction writes: in order for each owner. */
  takeTransaction(): readonly Arrived[] {
    const taken: Arrived[] = [];
    let bytes = 0;
    const hasRoom = (next: Arrived): boolean =>
      taken.length === 0 ||
      (taken.length < transactionRequestsMax && bytes + costOf(next) <= transactionBytesMax);
    while (!this.isEmpty) {
      for (const [owner, queue] of [...this.#queues]) {
        queue.deficit += bytesPerRound;
        const [next] = queue.waiting;
        if (next === undefined || !hasRoom(next)) return taken;
        const count = countWithin(queue, hasRoom, (one) => {
          taken.push(one);
          bytes += costOf(one);
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
function countWithin(
  queue: OwnerQueue,
  hasRoom: (next: Arrived) => boolean,
  take: (one: Arrived) => void,
): number {
  let count = 0;
  for (const next of queue.waiting) {
    const cost = costOf(next);
    if (cost > queue.deficit || !hasRoom(next)) break;
    queue.deficit -= cost;
    take(next);
    count += 1;
  }
  return count;
}

function costOf({ request }: Arrived): number {
  return request.key.byteLength + request.value.byteLength + requestBytes;
}
