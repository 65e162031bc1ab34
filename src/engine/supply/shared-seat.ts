/**
 * The seat of one request that middleware leads through several runs: the first takes it, those
 * behind it have it, too, and it is given back when none of them is left. Else links that wait for
 * what is behind them could have all seats, and those behind would wait for the links.
 */
import type { Place } from './admission.ts';
import { LinkedRequest } from './linked-request.ts';

export interface SharedSeatOptions {
  readonly mayWait?: boolean;
  readonly request?: LinkedRequest;
}

export class SharedSeat {
  /**
   * Whether the first run may wait for the seat. One beside another that has the seat of the
   * request may not: a link waits for both, and others wait for the link.
   */
  readonly mayWait: boolean;
  /** The visitor's, which may have other seats. */
  readonly request: LinkedRequest;
  #place: Place | undefined;
  #runs = 0;

  constructor({ mayWait = true, request = new LinkedRequest() }: SharedSeatOptions = {}) {
    this.mayWait = mayWait;
    this.request = request;
  }

  /** For what a link sends beside a request that has this one. */
  beside(): SharedSeat {
    return new SharedSeat({ mayWait: false, request: this.request });
  }

  get isTaken(): boolean {
    return this.#place !== undefined;
  }

  /** The first run has it, and those behind that join. */
  take(place: Place): void {
    this.#place = place;
    this.#runs = 1;
  }

  /** One more run has it. False, and nothing is changed, where nobody has taken it. */
  join(): boolean {
    if (this.#place === undefined) return false;
    this.#runs += 1;
    return true;
  }

  /** One run less; the last gets the place, to give it back. */
  leave(): Place | undefined {
    this.#runs -= 1;
    if (this.#runs > 0) return undefined;
    const place = this.#place;
    this.#place = undefined;
    return place;
  }
}
