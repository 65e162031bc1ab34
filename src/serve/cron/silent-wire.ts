/** The wire of a request that nobody sent: without a body, and the answer goes nowhere. */
import { Readable } from 'node:stream';
import { type ConnectionFacts, noConnection } from '../../http/connection-facts.ts';
import type { Wire, WireListener } from '../wire.ts';

export class SilentWire implements Wire {
  listener: WireListener | undefined;
  readonly body = Readable.from([]);
  readonly givesBodyAway = false;
  readonly hasBody = false;
  readonly rawTrailers = [];
  readonly declaredBytes = 0;
  readonly isReceived = true;
  #isFinished = false;

  get isFinished(): boolean {
    return this.#isFinished;
  }

  factsFor(): ConnectionFacts {
    return noConnection;
  }

  sendContinue(): void {
    // Nobody waits for a word.
  }

  sendInterim(): boolean {
    return false;
  }

  sendWhole(): void {
    this.end();
  }

  sendHead(): void {
    // Nobody reads it; the exchange keeps the status.
  }

  flushHead(): void {
    // Nobody waits for it.
  }

  write(): boolean {
    return true;
  }

  end(): void {
    this.#isFinished = true;
    this.listener?.wireClosed();
  }

  keepBody(): void {
    // There is none.
  }

  leaveBody(): void {
    // There is none.
  }

  closed(): void {
    // Nothing is limited.
  }

  destroy(): void {
    this.listener?.wireClosed();
  }
}
