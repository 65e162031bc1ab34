/**
 * Writes that wait for their answer, each with the instant until which it may. Pure but for one
 * timer, which runs on for a while when nothing waits: most answers come soon.
 */
import { StoreError, type WriteOptions } from './contract.ts';
import type { WriteAnswer } from './messages.ts';

interface Waiting {
  readonly resolve: (answer: WriteAnswer) => void;
  readonly reject: (error: StoreError) => void;
  /** By `performance.now()`. */
  readonly dueMs: number;
  readonly forgetSignal: (() => void) | undefined;
}

export interface WaitingWritesOptions {
  /** Takes back what has not been sent; whether it was still there. */
  readonly unsend: (id: number) => boolean;
}

const timerMsMax = 60_000;

export class WaitingWrites {
  readonly #unsend: (id: number) => boolean;
  readonly #waiting = new Map<number, Waiting>();
  #timer: NodeJS.Timeout | undefined;
  #timerDueMs = Number.POSITIVE_INFINITY;

  constructor({ unsend }: WaitingWritesOptions) {
    this.#unsend = unsend;
  }

  /** Resolves to the answer; rejects with StoreError. */
  enter(id: number, { deadlineMs, signal }: WriteOptions): Promise<WriteAnswer> {
    return new Promise((resolve, reject) => {
      const dueMs = performance.now() + deadlineMs;
      const giveUp = (): void => this.#giveUp(id);
      signal?.addEventListener('abort', giveUp, { once: true });
      const forgetSignal = signal && (() => signal.removeEventListener('abort', giveUp));
      this.#waiting.set(id, { resolve, reject, dueMs, forgetSignal });
      this.#planTimer(dueMs);
    });
  }

  settle(answer: WriteAnswer): void {
    this.#leave(answer.id)?.resolve(answer);
  }

  /** Those that are not among `kept` may or may not be stored. */
  loseAllBut(kept: ReadonlySet<number>): void {
    for (const id of [...this.#waiting.keys()]) {
      if (!kept.has(id)) this.#leave(id)?.reject(unknown('its writer was lost'));
    }
  }

  rejectAll(error: StoreError): void {
    for (const id of [...this.#waiting.keys()]) this.#leave(id)?.reject(error);
  }

  #leave(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.forgetSignal?.();
    return waiting;
  }

  #giveUp(id: number): void {
    if (!this.#waiting.has(id)) return;
    const error = this.#unsend(id)
      ? unavailable('it did not answer in time')
      : unknown('it did not answer in time');
    this.#leave(id)?.reject(error);
  }

  #planTimer(dueMs: number): void {
    if (dueMs >= this.#timerDueMs) return;
    this.#stopTimer();
    this.#timerDueMs = dueMs;
    const delayMs = Math.min(timerMsMax, Math.max(1, dueMs - performance.now()));
    this.#timer = setTimeout(() => this.#look(), delayMs);
    this.#timer.unref();
  }

  #look(): void {
    this.#stopTimer();
    const nowMs = performance.now();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [id, { dueMs }] of [...this.#waiting]) {
      if (dueMs <= nowMs) this.#giveUp(id);
      else nextMs = Math.min(nextMs, dueMs);
    }
    if (nextMs < Number.POSITIVE_INFINITY) this.#planTimer(nextMs);
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerDueMs = Number.POSITIVE_INFINITY;
  }
}

/** Nothing was stored. */
export function unavailable(reason: string, options?: ErrorOptions): StoreError {
  return new StoreError('unavailable', `Cannot use the shared store: ${reason}`, options);
}

/** @param cause What SQLite threw. */
export function unreadable(cause: unknown): StoreError {
  return unavailable('its file must be readable: reading it failed', { cause });
}

function unknown(reason: string): StoreError {
  const message = `Cannot tell whether the value was stored: ${reason}: read it again`;
  return new StoreError('unknown', message);
}
