/** Which seat a run has: one of its own, that of the request it belongs to, or both. */
import type { Shares } from '../../account/shares.ts';
import { TerrafirmaError } from '../../errors.ts';
import { type Admission, heldRule, type Place, type SeatWaiter } from '../supply/admission.ts';
import { LinkedRequest } from '../supply/linked-request.ts';
import type { SharedSeat } from '../supply/shared-seat.ts';

export interface SeatingOptions {
  readonly admission: Admission;
  readonly shares: Shares;
  /** At once, where that is less than what every site may have. */
  readonly runsMax: number | undefined;
  /** Of the request, where middleware leads it through several runs. */
  readonly shared?: SharedSeat | undefined;
  /** Of a request that is part of another's run, and of none that middleware leads. */
  readonly linked?: LinkedRequest | undefined;
  /** Whether the module has seats of its own beside those of its site. */
  readonly hasOwnSeats?: boolean | undefined;
}

/** What of it is the request's. */
export type RunSeats = Pick<SeatingOptions, 'shared' | 'linked' | 'hasOwnSeats'>;

const noSeats: RunSeats = {};

/** At every run, so that nothing is spread. */
export function openSeating(
  { admission, shares, runsMax }: Pick<SeatingOptions, 'admission' | 'shares' | 'runsMax'>,
  { shared, linked, hasOwnSeats } = noSeats,
): Seating {
  return new Seating({ admission, shares, runsMax, shared, linked, hasOwnSeats });
}

export class Seating {
  readonly #options: SeatingOptions;
  #hasJoined = false;
  #place: Place | undefined;
  #linked: LinkedRequest | undefined;

  constructor(options: SeatingOptions) {
    this.#options = options;
    this.#linked = options.shared?.request ?? options.linked;
  }

  /** The run is about to wait for others, which may need seats: what stands for it in that. */
  link(): LinkedRequest {
    this.#linked ??= new LinkedRequest();
    const place = this.#place;
    if (place !== undefined && place.request === undefined) {
      this.#options.admission.link(place, this.#linked);
    }
    return this.#linked;
  }

  /** Before a body is read. @throws TerrafirmaError `overloaded` */
  requireRoom(): void {
    const { admission, shares, runsMax, shared, hasOwnSeats = false } = this.#options;
    if (shared?.isTaken !== true || hasOwnSeats) admission.requireRoom(shares, runsMax);
  }

  /**
   * True: the run has a seat. False: it has to wait for one; see `wait`.
   *
   * @throws TerrafirmaError `overloaded`, also where it may not wait
   */
  take(): boolean {
    const { admission, shares, runsMax, shared, hasOwnSeats = false } = this.#options;
    this.#hasJoined = shared?.join() === true;
    if (this.#hasJoined && !hasOwnSeats) return true;
    // The owner has a seat for all runs of the request.
    const place = admission.join(shares, runsMax, this.#hasJoined, this.#linked);
    this.#place = place;
    if (shared !== undefined && !this.#hasJoined) shared.take(place);
    if (admission.tryTakeSeat(place)) return true;
    const refusal = this.#refusalToWait(place);
    if (refusal === undefined) return false;
    this.leave();
    const reason = place.site.owner.runsMax === 0 ? heldRule : refusal;
    throw new TerrafirmaError('overloaded', `Cannot answer now: ${reason}`);
  }

  #refusalToWait(place: Place): string | undefined {
    const { admission, shared } = this.#options;
    const isWaitedFor = this.#hasJoined || this.#linked?.hasCallers === true;
    if (isWaitedFor && !admission.mayWait(place)) {
      return (
        'a request may wait for a run of a module that others can give back: received one that ' +
        'waits for this request itself; let modules that call each other have more `runs`'
      );
    }
    if (this.#hasJoined) return undefined;
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
