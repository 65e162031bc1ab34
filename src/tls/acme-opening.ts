/**
 * Opens what orders and keeps certificates. Where the shared store cannot be used at the start, the
 * daemon goes on with the operator's own certificates, and this tries again until it can be.
 */
import { describeError } from '../errors.ts';
import { StoreError } from '../outside/store/contract.ts';
import type { Challenges } from './challenges.ts';
import type { Directories } from './directories.ts';
import type { Orders } from './orders.ts';
import type { Renewals } from './renewals.ts';
import type { TlsStore } from './store.ts';

/** What ordering needs. */
export interface AcmeParts {
  readonly store: TlsStore;
  readonly orders: Orders;
  readonly directories: Directories;
  readonly challenges: Challenges;
  readonly renewals: Renewals;
}

export interface AcmeOpeningOptions {
  /** Rejects with StoreError while the store cannot be used. */
  readonly open: () => Promise<AcmeParts>;
  /** It succeeded later: whoever was told that there is no certificate may ask again. */
  readonly onLate: () => void;
  /** Told each new reason why it failed. */
  readonly onTrouble: (reason: string) => void;
  readonly retryMs?: number;
}

const usualRetryMs = 5_000;

export class AcmeOpening {
  readonly #options: AcmeOpeningOptions;
  #parts: AcmeParts | undefined;
  #timer: NodeJS.Timeout | undefined;
  #trying: Promise<void> = Promise.resolve();
  #isEnded = false;
  #told = '';

  constructor(options: AcmeOpeningOptions) {
    this.#options = options;
  }

  /** Undefined while the store cannot be used. */
  get parts(): AcmeParts | undefined {
    return this.#parts;
  }

  /** Tries once; later tries go on by themselves. Rejects with what is no matter of the store. */
  async begin(): Promise<void> {
    try {
      this.#parts = await this.#options.open();
      this.#parts.renewals.start();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#plan(error);
    }
  }

  /** No more tries; what was opened is closed by the caller. */
  async end(): Promise<AcmeParts | undefined> {
    this.#isEnded = true;
    clearTimeout(this.#timer);
    await this.#trying;
    return this.#parts;
  }

  #plan(error: unknown): void {
    if (this.#isEnded) return;
    const reason = error instanceof StoreError ? error.message : describeError(error);
    if (reason !== this.#told) this.#options.onTrouble(reason);
    this.#told = reason;
    this.#timer = setTimeout(() => {
      this.#trying = this.#tryAgain();
    }, this.#options.retryMs ?? usualRetryMs).unref();
  }

  async #tryAgain(): Promise<void> {
    try {
      this.#parts = await this.#options.open();
    } catch (error) {
      this.#plan(error);
      return;
    }
    if (this.#isEnded) return;
    this.#parts.renewals.start();
    this.#options.onLate();
  }
}
