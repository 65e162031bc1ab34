/** Which seat a run has: one of its own, that of the request it belongs to, or both. */
import type { Shares } from '../../account/shares.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { Admission, Place, SeatWaiter } from '../supply/admission.ts';
import type { SharedSeat } from '../supply/shared-seat.ts';

export interface SeatingOptions {
  readonly admission: Admission;
  readonly shares: Shares;
  /** At once, where that is less than what every site may have. */
  readonly runsMax: number | undefined;
  /** Of the request, where middleware leads it through several runs. */
  readonly shared: SharedSeat | undefined;
  /** Whether the module has seats of its own beside those of its site. */
  readonly hasOwnSeats: boolean;
}

export class Seating {
  readonly #options: SeatingOptions;
  #hasJoined = false;
  #place: Place | undefined;

  constructor(options: SeatingOptions) {
    this.#options = options;
  }

  /** Before a body is read. @throws TerrafirmaError `overloaded` */
  requireRoom(): void {
    const { admission, shares, runsMax, shared, hasOwnSeats } = this.#options;
    if (shared?.isTaken !== true || hasOwnSeats) admission.requireRoom(shares, runsMax);
  }

  /**
   * True: the run has a seat. False: it has to wait for one; see `wait`.
   *
   * @throws TerrafirmaError `overloaded`, also where it may not wait
   */
  take(): boolean {
    const { admission, shares, runsMax, shared, hasOwnSeats } = this.#options;
    this.#hasJoined = shared?.join() === true;
    if (this.#hasJoined && !hasOwnSeats) return true;
    // The owner has a seat for all runs of the request.
    const place = admission.join(shares, runsMax, this.#hasJoined, shared?.request);
    this.#place = place;
    if (shared !== undefined && !this.#hasJoined) shared.take(place);
    if (admission.tryTakeSeat(place)) return true;
    const refusal = this.#refusalToWait(place);
    if (refusal === undefined) return false;
    this.leave();
    throw new TerrafirmaError('overloaded', `Cannot answer now: ${refusal}`);
  }

  #refusalToWait(place: Place): string | undefined {
    const { admission, shared } = this.#options;
    if (this.#hasJoined) {
      if (admission.mayWait(place)) return undefined;
      return (
        'a request may wait for a run of a module that others can give back: received one that ' +
        'waits for this request itself; let modules that call each other have more `runs`'
      );
    }
    if (shared === undefined || shared.mayWait) return undefined;
    return (
      'a request that a link sends beside another of its own needs a free seat of the site: ' +
      'received none'
    );
  }

  /** `onSeat` says when. */
  wait(waiter: SeatWaiter): void {
    if (this.#place !== undefined) this.#options.admission.wait(this.#place, waiter);
  }

  /** The run is over, or will not begin. */
  leave(): void {
    const { admission, shared } = this.#options;
    const own = this.#place;
    this.#place = undefined;
    if (this.#hasJoined) {
      this.#hasJoined = false;
      if (own !== undefined) admission.leave(own);
    } else if (own === undefined || shared === undefined) {
      if (own !== undefined) admission.leave(own);
      return;
    }
    const last = shared?.leave();
    if (last !== undefined) admission.leave(last);
  }
}
