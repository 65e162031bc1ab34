/** Something under way that a guest has asked for: to poll, to wait for, to choose among. */
import type { ReadyItem } from './ready.ts';

export type Outcome<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: unknown };

export class Pending<T> implements ReadyItem {
  readonly #controller = new AbortController();
  readonly #settled: Promise<void>;
  #outcome: Outcome<T> | undefined;

  /** `work` is given up by its signal. */
  constructor(work: (signal: AbortSignal) => Promise<T>) {
    this.#settled = this.#follow(work);
  }

  /** Undefined while it is under way. */
  get outcome(): Outcome<T> | undefined {
    return this.#outcome;
  }

  get isReady(): boolean {
    return this.#outcome !== undefined;
  }

  get isGivenUp(): boolean {
    return this.#controller.signal.aborted;
  }

  whenReady(): Promise<void> {
    return this.#settled;
  }

  /** Nobody wants it any more, also what it may still bring. */
  giveUp(): void {
    this.#controller.abort();
  }

  async #follow(work: (signal: AbortSignal) => Promise<T>): Promise<void> {
    try {
      this.#outcome = { kind: 'done', value: await work(this.#controller.signal) };
    } catch (error) {
      this.#outcome = { kind: 'failed', error };
    }
  }
}

/** All that a run has under way, so that its end gives it up. */
export class PendingSet {
  /** Made when something is begun: most runs ask for nothing. */
  #underWay: Set<Pending<unknown>> | undefined;

  start<T>(work: (signal: AbortSignal) => Promise<T>): Pending<T> {
    const pending = new Pending(work);
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
