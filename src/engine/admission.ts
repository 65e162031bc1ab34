/**
 * How many runs a site may have at once on a thread, and how many may wait for that. A site that is
 * asked for more answers `overloaded`, and recovers by itself as its runs end.
 */
import { TerrafirmaError } from '../errors.ts';

export interface SeatWaiter {
  /** A run seat is yours from now on. */
  onSeat(): void;
}

export interface SiteSeats {
  readonly siteKey: string;
  /** Requests under way: running, waiting, or still sending their body. */
  requests: number;
  runs: number;
  /** Made for the first that waits: most sites never have any. */
  waiting: Set<SeatWaiter> | undefined;
}

export interface AdmissionOptions {
  readonly runsPerSiteMax: number;
  readonly queuedRunsPerSiteMax: number;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #sites = new Map<string, SiteSeats>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Takes a request in. It holds a place in the queue until it has a seat, also while its body
   * arrives: slow clients can fill the queue, but keep no run from going on.
   *
   * @throws TerrafirmaError `overloaded`.
   */
  join(siteKey: string): SiteSeats {
    const { runsPerSiteMax, queuedRunsPerSiteMax } = this.#options;
    const seats = this.#sites.get(siteKey) ?? this.#open(siteKey);
    if (seats.requests >= runsPerSiteMax + queuedRunsPerSiteMax) {
      throw new TerrafirmaError(
        'overloaded',
        `Cannot answer now: this site may have ${runsPerSiteMax} runs at once and ` +
          `${queuedRunsPerSiteMax} requests that wait: received one more`,
      );
    }
    seats.requests += 1;
    return seats;
  }

  /** Takes a run seat if one is free and nobody waits for it. */
  tryTakeSeat(seats: SiteSeats): boolean {
    if (seats.runs >= this.#options.runsPerSiteMax) return false;
    seats.runs += 1;
    return true;
  }

  wait(seats: SiteSeats, waiter: SeatWaiter): void {
    seats.waiting ??= new Set();
    seats.waiting.add(waiter);
  }

  withdraw(seats: SiteSeats, waiter: SeatWaiter): void {
    seats.waiting?.delete(waiter);
  }

  /** The request is over. A seat it had goes to whoever has waited longest. */
  leave(seats: SiteSeats, hadSeat: boolean): void {
    seats.requests -= 1;
    if (seats.requests === 0) this.#sites.delete(seats.siteKey);
    if (!hadSeat) return;
    for (const waiter of seats.waiting ?? []) {
      seats.waiting?.delete(waiter);
      waiter.onSeat();
      return;
    }
    seats.runs -= 1;
  }

  #open(siteKey: string): SiteSeats {
    const seats: SiteSeats = { siteKey, requests: 0, runs: 0, waiting: undefined };
    this.#sites.set(siteKey, seats);
    return seats;
  }
}
