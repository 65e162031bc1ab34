/**
 * Removes whole files from the store of several nodes that no record has named for a day. One node
 * does it, the holder of a lease. Whoever accepts a version stores its bytes first and names them
 * then, so that what is young may be about to be named.
 */
import { describeError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import {
  type SharedStore,
  type Space,
  type StoredBlob,
  StoreError,
} from '../outside/store/contract.ts';
import { Lease } from '../outside/store/leases.ts';

export interface BlobSweeperOptions {
  readonly store: SharedStore;
  readonly journal: Journal;
  /** Milliseconds since the Unix epoch. */
  readonly wallMs: () => number;
  /** Time that only goes on, in milliseconds. */
  readonly nowMs: () => number;
}

const space: Space = { area: 'site', name: 'cluster' };
const leaseKey = Buffer.from('lock/sweep');
const keptMs = 86_400_000;
const everyMs = 3_600_000;
/** Twice as long as between two sweeps: mostly the same node goes on. */
const leaseMs = 2 * everyMs;

export class BlobSweeper {
  readonly #options: BlobSweeperOptions;
  readonly #lease: Lease;
  readonly #timer: NodeJS.Timeout;
  #sweeping: Promise<void> = Promise.resolve();

  constructor(options: BlobSweeperOptions) {
    this.#options = options;
    const { nowMs, store } = options;
    this.#lease = new Lease({ store, space, key: leaseKey, ttlMs: leaseMs, nowMs });
    this.#timer = setInterval(() => {
      this.#sweeping = this.sweep();
    }, everyMs).unref();
  }

  /** One look at all of them, where this node is the one that looks. Never rejects. */
  async sweep(): Promise<void> {
    const { journal } = this.#options;
    try {
      if (!(await this.#lease.tryHold())) return;
      const { blobs } = this.#options.store;
      const loose = (await blobs.removeLoose?.(this.#keptSinceMs)) ?? 0;
      const removed = loose + (await this.#removeUnnamed());
      if (removed > 0) journal.tell('blobs-swept', { count: removed });
    } catch (error) {
      const reason = error instanceof StoreError ? error.message : describeError(error);
      journal.tell('cluster-trouble', { reason });
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sweeping;
    // Another node need not wait for it to end; where nobody answers, it ends.
    await this.#lease.release().catch(() => undefined);
  }

  /** What is younger stays. */
  get #keptSinceMs(): number {
    return this.#options.wallMs() - keptMs;
  }

  async #removeUnnamed(): Promise<number> {
    const { blobs } = this.#options.store;
    if (blobs.named === undefined || (await this.#old()).length === 0) return 0;
    const named = await blobs.named();
    let count = 0;
    // Looked at again, and once more by `remove`: what was stored anew is about to be named.
    for (const blob of await this.#old()) {
      if (named.has(blob.digest)) continue;
      if (await blobs.remove(blob)) count += 1;
    }
    return count;
  }

  async #old(): Promise<readonly StoredBlob[]> {
    const { store } = this.#options;
    const old: StoredBlob[] = [];
    for await (const blob of store.blobs.list()) {
      if (blob.storedAtMs < this.#keptSinceMs) old.push(blob);
    }
    return old;
  }
}
