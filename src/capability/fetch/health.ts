/**
 * Whether back-ends are well. A back-end with a health check is asked as long as somebody wants to
 * know, by each serving thread for itself. Edge: timers, and the network by the pools.
 */
import { LRUCache } from 'lru-cache';
import { Counts } from '../../account/counts.ts';
import { type FolderKey, type OwnerKey, ownerOf } from '../../names.ts';
import { originOf } from './backends.ts';
import type { Backend, BackendHealth, HealthCheck } from './contract.ts';
import { ServerExchange } from './exchange.ts';
import type { Pools } from './pools.ts';
import { refuse } from './refusals.ts';

const watchesMax = 256;
/** Of these, for the folders of one owner: no more are asked. */
const watchesPerOwnerMax = 64;
const headersMax = 256;
/** A few small answers of the owner's own server. */
const uncounted = { take: () => undefined, release: () => undefined };
/** Nobody has wanted to know for so long: it is not asked any more. */
const forgetAfterMs = 300_000;
const defaults = {
  intervalMs: 15_000,
  timeoutMs: 5_000,
  window: 5,
  threshold: 3,
  initial: 2,
  expectedStatus: 200,
} as const;

interface OwnedWatch {
  readonly watch: HealthWatch;
  readonly owner: OwnerKey;
}

export class Health {
  readonly #pools: Pools;
  readonly #watches: LRUCache<string, OwnedWatch>;
  readonly #byOwner = new Counts<OwnerKey>();

  constructor(pools: Pools) {
    this.#pools = pools;
    this.#watches = new LRUCache({
      max: watchesMax,
      dispose: ({ watch, owner }) => {
        this.#byOwner.add(owner, -1);
        watch.close();
      },
    });
  }

  of(folderKey: FolderKey, backend: Backend): BackendHealth {
    const { health, statedHealth = 'unknown' } = backend;
    if (health === undefined) return statedHealth;
    // Runs that add the same back-end one after another ask once.
    const key = `${folderKey}\0${this.#pools.keyOf(backend)}`;
    const known = this.#watches.get(key);
    if (known !== undefined) return known.watch.state();
    const owner = ownerOf(folderKey);
    if (this.#byOwner.of(owner) >= watchesPerOwnerMax) return statedHealth;
    const watch = new HealthWatch(health, {
      ask: () => this.#ask(folderKey, backend, health),
      onForgotten: () => this.#watches.delete(key),
    });
    this.#byOwner.add(owner, 1);
    this.#watches.set(key, { watch, owner });
    return watch.state();
  }

  close(): void {
    this.#watches.clear();
  }

  /** Whether it answered as it should; never rejects. */
  async #ask(folderKey: FolderKey, backend: Backend, check: HealthCheck): Promise<boolean> {
    const timeoutMs = check.timeoutMs ?? defaults.timeoutMs;
    const origin = originOf(backend);
    const exchange = new ServerExchange({ headersMax, budget: uncounted });
    const timer = setTimeout(() => {
      exchange.giveUp(refuse('timeout', `it must answer within ${timeoutMs} ms`, 'nothing'));
    }, timeoutMs);
    try {
      const { pool } = this.#pools.of({ folderKey, origin, backend });
      const options = {
        path: check.path ?? '/',
        method: check.method ?? 'HEAD',
        headers: ['host', check.host ?? backend.host ?? new URL(origin).host],
        servername: new URL(origin).hostname,
      };
      pool.dispatch(options, exchange);
      const { status } = await exchange.head;
      await exchange.dismiss();
      return status === (check.expectedStatus ?? defaults.expectedStatus);
    } catch {
      // Whatever the reason is: it cannot be reached as it should.
      return false;
    } finally {
      clearTimeout(timer);
    }
  }
}

export interface HealthAsking {
  /** Never rejects. */
  readonly ask: () => Promise<boolean>;
  /** Nobody wants to know any more. */
  readonly onForgotten: () => void;
}

/** The last answers of one back-end. */
export class HealthWatch {
  readonly #asking: HealthAsking;
  readonly #window: number;
  readonly #threshold: number;
  readonly #timer: NodeJS.Timeout;
  /** The newest last. */
  #answers: boolean[];
  #looksLeft: number;
  readonly #looksMax: number;

  constructor(check: HealthCheck, asking: HealthAsking) {
    this.#asking = asking;
    this.#window = check.window ?? defaults.window;
    this.#threshold = Math.min(check.threshold ?? defaults.threshold, this.#window);
    const good = Math.min(check.initial ?? defaults.initial, this.#window);
    this.#answers = Array.from(
      { length: this.#window },
      (_, index) => index >= this.#window - good,
    );
    const intervalMs = check.intervalMs ?? defaults.intervalMs;
    this.#looksMax = Math.ceil(forgetAfterMs / intervalMs);
    this.#looksLeft = this.#looksMax;
    this.#timer = setInterval(() => this.#look(), intervalMs);
    this.#timer.unref();
    this.#look();
  }

  /** Asking keeps it awake. */
  state(): BackendHealth {
    this.#looksLeft = this.#looksMax;
    const good = this.#answers.filter((each) => each).length;
    return good >= this.#threshold ? 'healthy' : 'unhealthy';
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    this.#looksLeft -= 1;
    if (this.#looksLeft < 0) {
      this.#asking.onForgotten();
      return;
    }
    void this.#asking.ask().then((isGood) => {
      this.#answers = [...this.#answers, isGood].slice(-this.#window);
    });
  }
}
