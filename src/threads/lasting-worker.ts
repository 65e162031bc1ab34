/**
 * A thread of which there is always one: it is started again, with growing waits, whenever it ends
 * before it was told to.
 */
import type { Transferable, Worker } from 'node:worker_threads';
import { BackOff, type BackOffOptions } from './back-off.ts';
import { startWorker, type WorkerPlan } from './worker.ts';

export interface LastingWorkerOptions<Message> {
  /** Asked at each start: what is transferred can be given away only once. */
  readonly plan: () => WorkerPlan;
  readonly backOff: BackOffOptions;
  readonly nowMs: () => number;
  readonly onMessage: (message: Message) => void;
  /** For the log. A successor comes by itself. */
  readonly onCrash: (detail: string) => void;
  /** It has ended, and a successor comes unless `close` was called. */
  readonly onGone?: () => void;
}

export class LastingWorker<Message> {
  readonly #options: LastingWorkerOptions<Message>;
  readonly #backOff: BackOff;
  readonly #ended = Promise.withResolvers<void>();
  #worker: Worker | undefined;
  #restart: NodeJS.Timeout | undefined;
  #startedAtMs = 0;
  #isClosing = false;

  constructor(options: LastingWorkerOptions<Message>) {
    this.#options = options;
    this.#backOff = new BackOff(options.backOff);
    this.#start();
  }

  /** Lost while there is none. */
  post(message: unknown, transfer: readonly Transferable[] = []): void {
    this.#worker?.postMessage(message, transfer);
  }

  /**
   * There is no successor any more. Resolves when the thread has ended by itself, as it was told
   * to, or has been ended after `withinMs`.
   */
  async close(withinMs: number): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#restart);
    if (this.#worker === undefined) return;
    const late = setTimeout(() => void this.#worker?.terminate(), withinMs);
    await this.#ended.promise;
    clearTimeout(late);
  }

  #start(): void {
    const { nowMs, onCrash, onMessage, plan } = this.#options;
    this.#startedAtMs = nowMs();
    this.#worker = startWorker<Message>(plan(), {
      onMessage,
      onCrash,
      onExit: () => this.#outlive(),
    });
    // The daemon lives by its listeners, not by this thread.
    this.#worker.unref();
  }

  #outlive(): void {
    this.#worker = undefined;
    this.#options.onGone?.();
    if (this.#isClosing) {
      this.#ended.resolve();
      return;
    }
    const waitMs = this.#backOff.next(this.#options.nowMs() - this.#startedAtMs);
    this.#restart = setTimeout(() => this.#start(), waitMs);
  }
}
