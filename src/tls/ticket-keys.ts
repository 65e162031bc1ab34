/**
 * The keys of session tickets, the same in all serving threads: a visitor who comes back reaches
 * another thread as likely as not. A key that leaks opens what it sealed, so keys do not last.
 */
import { randomBytes } from 'node:crypto';

/** Name, encryption key and authentication key, as OpenSSL wants them. */
const ticketKeyBytes = 48;
const keyLifetimeMs = 12 * 3_600_000;

export class TicketKeys {
  #current = randomBytes(ticketKeyBytes);
  #timer: NodeJS.Timeout | undefined;

  get current(): Uint8Array {
    return this.#current;
  }

  /** Tells `onKeys` new keys from time to time. */
  rotate(onKeys: (keys: Uint8Array) => void, lifetimeMs: number = keyLifetimeMs): void {
    this.#timer = setInterval(() => {
      this.#current = randomBytes(ticketKeyBytes);
      onKeys(this.#current);
    }, lifetimeMs);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
