/**
 * The caches of all sites on the control plane: one a daemon, with a desk for each thread. Edge:
 * worker threads.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { CacheDesk } from './desk.ts';
import { PacedWork } from './paced-work.ts';
import type { Room } from './room.ts';
import { type CacheCounts, CacheShelves, type CacheShelvesOptions } from './shelves.ts';

export class CacheKeeper {
  readonly #shelves: CacheShelves;
  readonly #desks = new Set<CacheDesk>();
  readonly #work: PacedWork;
  #lastDesk = 0;

  constructor(options: CacheShelvesOptions) {
    this.#shelves = new CacheShelves(options);
    this.#work = new PacedWork(options.nowMs);
  }

  get counts(): Readonly<CacheCounts> {
    return this.#shelves.counts;
  }

  get room(): Pick<Room, 'bytes' | 'bytesOf' | 'objects'> {
    return this.#shelves.room;
  }

  /** The port of one thread, to be transferred to it. Its end gives up all that is its own. */
  connect(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.#lastDesk += 1;
    const desk = new CacheDesk(this.#shelves, port1, this.#lastDesk, this.#work);
    this.#desks.add(desk);
    port1.on('close', () => {
      this.#desks.delete(desk);
      desk.close();
    });
    // The daemon lives by its listeners, not by this port.
    port1.unref();
    return port2;
  }

  close(): void {
    for (const desk of this.#desks) desk.end();
  }
}
