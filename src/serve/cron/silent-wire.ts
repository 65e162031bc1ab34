/** The wire of a request that nobody sent: without a body, and the answer goes nowhere. */
import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import { type ConnectionFacts, noConnection } from '../../http/connection-facts.ts';
import type { Wire } from '../wire.ts';

export class SilentWire implements Wire {
  readonly body = Readable.from([]);
  readonly givesBodyAway = false;
  readonly events = new EventEmitter();
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
    this.events.emit('close');
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
    this.events.emit('close');
  }
}
