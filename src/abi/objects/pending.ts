/** Something under way that a guest has asked for: to poll, to wait for, to choose among. */
import type { GivingUp } from '../abi.ts';
import type { ReadyItem } from './ready.ts';

export type Outcome<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: unknown };

export class Pending<T> implements ReadyItem, GivingUp {
  /** Made when it is asked for: it costs some microseconds. */
  #controller: AbortController | undefined;
  #onGiveUp: (() => void) | undefined;
  #isGivenUp = false;
  readonly #settled: Promise<void> | undefined;
  #outcome: Outcome<T> | undefined;

  /** `work` is given up by its signal; it may be there at once. */
  constructor(work: (giving: GivingUp) => T | Promise<T>) {
    try {
      const begun = work(this);
      if (begun instanceof Promise) this.#settled = this.#follow(begun);
      else this.#outcome = { kind: 'done', value: begun };
    } catch (error) {
      this.#outcome = { kind: 'failed', error };
    }
  }

  /** Undefined while it is under way. */
  get outcome(): Outcome<T> | undefined {
    return this.#outcome;
  }

  get isReady(): boolean {
    return this.#outcome !== undefined;
  }

  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isGivenUp) this.#controller.abort();
    return this.#controller.signal;
  }

  onGiveUp(listener: (() => void) | undefined): void {
    this.#onGiveUp = listener;
    if (this.#isGivenUp) listener?.();
  }

  whenReady(): Promise<void> {
    return this.#settled ?? Promise.resolve();
  }

  /** Nobody wants it any more, also what it may still bring. */
  giveUp(): void {
    if (this.#isGivenUp) return;
    this.#isGivenUp = true;
    this.#controller?.abort();
    this.#onGiveUp?.();
  }

  async #follow(work: Promise<T>): Promise<void> {
    try {
      this.#outcome = { kind: 'done', value: await work };
    } catch (error) {
      this.#outcome = { kind: 'failed', error };
    }
  }
}

/** All that a run has under way, so that its end gives it up. */
export class PendingSet {
  /** Made when something is begun: most runs ask for nothing. */
  #underWay: Set<Pending<unknown>> | undefined;

  start<T>(work: (giving: GivingUp) => T | Promise<T>): Pending<T> {
    const pending = new Pending(work);
    if (pending.isReady) return pending;
    this.#underWay ??= new Set();
    this.#underWay.add(pending);
    void pending.whenReady().then(() => this.letGo(pending));
    return pending;
  }

  /** It goes on after the run, for whoever has it. */
  letGo(pending: Pending<unknown>): void {
    this.#underWay?.delete(pending);
  }

  giveUpAll(): void {
    if (this.#underWay === undefined) return;
    for (const pending of this.#underWay) pending.giveUp();
    this.#underWay.clear();
  }
}
