/**
 * The keys of session tickets, the same in all serving threads: a visitor who comes back reaches
 * another thread as likely as not. A key that leaks opens what it sealed, so keys do not last.
 */
import { randomBytes } from 'node:crypto';

/** Name, encryption key and authentication key, as OpenSSL wants them. */
const TICKET_KEY_BYTES = 48;
const LIFETIME_MS = 12 * 3_600_000;

export class TicketKeys {
  #current = randomBytes(TICKET_KEY_BYTES);
  #timer: NodeJS.Timeout | undefined;

  get current(): Uint8Array {
    return this.#current;
  }

  /** Tells `onKeys` new keys from time to time. */
  rotate(onKeys: (keys: Uint8Array) => void, lifetimeMs: number = LIFETIME_MS): void {
    this.#timer = setInterval(() => {
      this.#current = randomBytes(TICKET_KEY_BYTES);
      onKeys(this.#current);
    }, lifetimeMs);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
