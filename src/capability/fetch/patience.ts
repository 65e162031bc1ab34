/** How long a guest's request may take in all: until its time is up or its run has ended. */

import { CapabilityRefusal } from '../refusal.ts';
import type { ReplyCollector } from './reply.ts';

/** Gives up what it watches, and refuses all that is later, when `signal` or the time says so. */
export class Patience {
  readonly #signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #abandon = (): void => {
    const message = 'Cannot fetch: the run must still want the reply: received its end';
    this.#lose(new CapabilityRefusal('abandoned', message));
  };
  #refusal: CapabilityRefusal | undefined;
  #watched: ReplyCollector | undefined;

  constructor(signal: AbortSignal, timeoutMs: number) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#abandon, { once: true });
    this.#timer = setTimeout(() => {
      const message = `Cannot fetch: the reply must be whole within ${timeoutMs} ms: received less`;
      this.#lose(new CapabilityRefusal('timeout', message));
    }, timeoutMs);
    if (signal.aborted) this.#abandon();
  }

  /** Throws the refusal when it is too late already: then nothing must be sent. */
  watch(collector: ReplyCollector): void {
    if (this.#refusal !== undefined) throw this.#refusal;
    this.#watched = collector;
  }

  /** Must be called once the exchange is over, well or not. */
  end(): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener('abort', this.#abandon);
    this.#watched = undefined;
  }

  #lose(refusal: CapabilityRefusal): void {
    this.#refusal ??= refusal;
    this.#watched?.giveUp(this.#refusal);
  }
}
