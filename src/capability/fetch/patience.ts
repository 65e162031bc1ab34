/** How long a guest's request may take: until its time is up or its run has ended. */
import { CapabilityRefusal } from '../refusal.ts';
import type { ServerExchange } from './exchange.ts';

/** Gives up what it watches, and refuses all that is later, when `signal` or the time says so. */
export class Patience {
  readonly #signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #abandon = (): void => {
    const message = 'Cannot fetch: the run must still want the reply: received its end';
    this.#lose(new CapabilityRefusal('abandoned', message));
  };
  #refusal: CapabilityRefusal | undefined;
  #watched: ServerExchange | undefined;
  #isHurried = true;

  /** `what` must be there within `timeoutMs`, such as `the reply must be whole`. */
  constructor(signal: AbortSignal, limit: { readonly timeoutMs: number; readonly what: string }) {
    const { timeoutMs, what } = limit;
    this.#signal = signal;
    signal.addEventListener('abort', this.#abandon, { once: true });
    this.#timer = setTimeout(() => {
      const message = `Cannot fetch: ${what} within ${timeoutMs} ms: received less`;
      this.#lose(new CapabilityRefusal('timeout', message));
    }, timeoutMs);
    if (signal.aborted) this.#abandon();
  }

  /** @throws the refusal when it is too late already: then nothing must be sent */
  watch(exchange: ServerExchange): void {
    if (this.#refusal !== undefined) throw this.#refusal;
    this.#watched = exchange;
  }

  /** Something has happened: the time begins anew. */
  renew(): void {
    if (this.#isHurried) this.#timer.refresh();
  }

  /** There is no hurry any more; the run may still end. */
  stopTimer(): void {
    this.#isHurried = false;
    clearTimeout(this.#timer);
  }

  /** Must be called once the exchange is over, well or not. */
  end(): void {
    this.stopTimer();
    this.#signal.removeEventListener('abort', this.#abandon);
    this.#watched = undefined;
  }

  #lose(refusal: CapabilityRefusal): void {
    this.#refusal ??= refusal;
    this.#watched?.giveUp(this.#refusal);
  }
}
