/** Tokens that open the dashboard once: others may see what a link holds. Touches nothing. */
import { createHash, randomBytes } from 'node:crypto';

const tokenBytes = 24;
const holdsMs = 600_000;
/** The oldest goes when there are more. */
const ticketsMax = 16;

export class Tickets {
  /** Hashes, and until when they hold. */
  readonly #open = new Map<string, number>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  issue(): string {
    const token = randomBytes(tokenBytes).toString('base64url');
    this.#open.set(hash(token), this.#nowMs() + holdsMs);
    const [oldest] = this.#open.keys();
    if (this.#open.size > ticketsMax && oldest !== undefined) this.#open.delete(oldest);
    return token;
  }

  /** True once for each token, in time. */
  redeem(token: string): boolean {
    const key = hash(token);
    const untilMs = this.#open.get(key);
    this.#open.delete(key);
    return untilMs !== undefined && this.#nowMs() < untilMs;
  }
}

function hash(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}
