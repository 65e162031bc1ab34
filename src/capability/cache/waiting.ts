/** Who wants something of the keeper, and who owes it something. */
import type { LookMode, WireAddress } from './messages.ts';
import type { Holder, Marks, Place, Shelf } from './shelf.ts';
import type { StoredObject } from './stored.ts';

/** Who wants what is found at an address, at once or when nobody else is bringing it. */
export interface Waiter {
  readonly address: WireAddress;
  readonly marks: Marks;
  readonly mode: LookMode;
  /** Which run of which thread. */
  readonly run: string;
  /** That run can do nothing else until it has its answer. */
  isInsistent: boolean;
  answer(found: Found): void;
  /** It waits for another: the answer comes later. */
  onWaits(): void;
}

export interface Found {
  readonly object: StoredObject | undefined;
  readonly isUncacheable: boolean;
  /** Stale, and good for all the same. */
  readonly isChosen: boolean;
  /** Where whoever asked is to bring it. */
  readonly obliged: { readonly live: LiveShelf; readonly place: Place } | undefined;
}

/** A shelf with those who wait for it, the first first. */
export interface LiveShelf {
  readonly name: string;
  readonly shelf: Shelf;
  readonly waiting: Set<Waiter>;
}

/** An obligation, as its desk holds it. */
export interface Obligation extends Holder {
  readonly live: LiveShelf;
  readonly address: WireAddress;
}
