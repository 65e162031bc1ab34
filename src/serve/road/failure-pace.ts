/**
 * When visits are answered that led to no site, or found no room. Anybody can ask for names that
 * are nobody's, or for a program whose seats are taken, and ask again as soon as one was refused:
 * 1,200 connections did so together, and each turn of the event loop was 600 refusals long, 40 ms,
 * in which nobody else was heard. So only so many leave at once, in turn by client: whoever
 * mistypes a name waits for none of a crowd's.
 */
import { FairQueue, type Waiter } from '../../account/fair-queue.ts';
import { clientNetwork, type OwnerKey } from '../../names.ts';

/** A refusal, and the request that follows it, take some 0.1 ms. */
const answersPerPeriod = 20;
const periodMs = 10;
/** Of more than so many each is answered at once: they would hold more than they cost. */
const waitingMax = 4_096;

interface Waiting extends Waiter {
  readonly resolve: () => void;
}

export class FailurePace {
  readonly #waiting = new FairQueue<Waiting>();
  readonly #perPeriod: number;
  #left: number;
  #isPlanned = false;

  /** @param perPeriod How many are let through in ten milliseconds. */
  constructor(perPeriod = answersPerPeriod) {
    this.#perPeriod = perPeriod;
    this.#left = perPeriod;
  }

  /** Resolves when the client at `address` may be answered; undefined: now. */
  wait(address: string): Promise<void> | undefined {
    this.#plan();
    if (this.#left > 0) {
      this.#left -= 1;
      return undefined;
    }
    if (this.#waiting.length >= waitingMax) return undefined;
    const client = clientNetwork(address);
    const shares = { owner: client as OwnerKey, site: client, client };
    return new Promise((resolve) => {
      this.#waiting.push({ shares, resolve }, 0);
    });
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setTimeout(this.#renew, periodMs).unref();
  }

  readonly #renew = (): void => {
    this.#isPlanned = false;
    this.#left = this.#perPeriod;
    while (this.#left > 0) {
      const next = this.#waiting.shift(0);
      if (next === undefined) return;
      this.#left -= 1;
      next.resolve();
    }
    this.#plan();
  };
}
