/** What goes with an instance. Objects, and no functions: ten thousand guests may wait. */
import type { Discarding } from '../guest.ts';
import type { GuestInstance } from '../instance.ts';
import type { SharedState } from '../restore/shared-state.ts';
import type { FirstInstances } from './first-instances.ts';

/** Of an instance that holds the state which its program's guests share. */
export class HeldState implements Discarding {
  readonly #made: Discarding & { readonly instance: GuestInstance };
  readonly #first: FirstInstances | undefined;
  /** Undefined where the state is the instance's own. */
  readonly #shared: SharedState | undefined;

  constructor(
    made: Discarding & { readonly instance: GuestInstance },
    first: FirstInstances | undefined,
    shared: SharedState | undefined,
  ) {
    this.#made = made;
    this.#first = first;
    this.#shared = shared;
    if (shared === undefined) return;
    shared.join();
    first?.add(made.instance);
  }

  /** The instance, which is still to be discarded, holds it no longer. */
  letGo(): void {
    this.#first?.delete(this.#made.instance);
    this.#shared?.leave();
  }

  discard(): void {
    this.#made.discard();
    this.letGo();
  }
}
