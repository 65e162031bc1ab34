/**
 * Handshakes, a few at each turn of the event loop. A thousand connections may wait for one
 * certificate; when it is there, all of their handshakes would begin in one turn, and for so long
 * nothing else would be answered by the thread.
 */
import type { Socket } from 'node:net';

/** Some milliseconds of cryptography. */
const perTurnMax = 8;

export class HandshakeTurns {
  readonly #begin: (socket: Socket) => void;
  #waiting: Socket[] = [];
  #isPlanned = false;

  constructor(begin: (socket: Socket) => void) {
    this.#begin = begin;
  }

  /** Begins the handshake of `socket` now or in one of the next turns, if it is still open then. */
  push(socket: Socket): void {
    this.#waiting.push(socket);
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    this.#takeTurn();
  }

  #takeTurn(): void {
    const next = this.#waiting.splice(0, perTurnMax);
    for (const socket of next) if (!socket.destroyed) this.#begin(socket);
    // Planned also when nobody waits now: those that come in this turn have to wait for the next.
    setImmediate(() => {
      this.#isPlanned = this.#waiting.length > 0;
      if (this.#isPlanned) this.#takeTurn();
    });
  }
}
