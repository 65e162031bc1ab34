/**
 * Answers that are ready leave together, when all requests that had arrived are served. Each write
 * to a socket wakes the client at its other end; written one by one between guests, every answer
 * wakes it from its sleep, which on virtual machines costs more than the guest. Written one after
 * another, the first wakes it and the others find it awake: half as many requests a second more
 * (docs/rationale.md).
 */

/** What is late is late by the answers of so many guests, however many requests have arrived. */
const answersMax = 32;

export interface Departure {
  /** Writes the answer. Never throws. */
  depart(): void;
}

export class ReplyBatch {
  #ready: Departure[] = [];

  /** `departure` leaves before the thread waits for more to do. */
  add(departure: Departure): void {
    this.#ready.push(departure);
    if (this.#ready.length === 1) setImmediate(() => this.#leave());
    else if (this.#ready.length >= answersMax) this.#leave();
  }

  #leave(): void {
    const leaving = this.#ready;
    this.#ready = [];
    for (const departure of leaving) departure.depart();
  }
}
