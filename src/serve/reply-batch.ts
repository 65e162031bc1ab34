/**
 * Answers that are ready leave together, when all requests that had arrived are served. Each write
 * to a socket wakes the client at its other end; written one by one between guests, every answer
 * wakes it from its sleep, which on virtual machines costs more than the guest. Written one after
 * another, the first wakes it and the others find it awake: half as many requests a second more
 * (docs/rationale.md). They do not wait for functions of others who have their turns meanwhile.
 */

/** What is late is late by the answers of so many guests, however many requests have arrived. */
const answersMax = 32;
/** Large answers wait for nobody: a mebibyte wakes its client once, however it leaves. */
const waitingBytesMax = 256 * 1024;

export interface Departure {
  /** Writes the answer. Never throws. */
  depart(): void;
}

export class ReplyBatch {
  #ready: Departure[] = [];
  #bytes = 0;

  /** `departure`, of so many bytes, leaves before the thread waits for more to do. */
  add(departure: Departure, bytes = 0): void {
    this.#ready.push(departure);
    this.#bytes += bytes;
    if (this.#ready.length >= answersMax || this.#bytes >= waitingBytesMax) this.leave();
    else if (this.#ready.length === 1) setImmediate(this.leave);
  }

  /** Those that are ready leave now. */
  readonly leave = (): void => {
    if (this.#ready.length === 0) return;
    const leaving = this.#ready;
    this.#ready = [];
    this.#bytes = 0;
    for (const departure of leaving) departure.depart();
  };
}
