/**
 * Heads of answers as text, laid out at once: for those that are like most. Says nothing of others,
 * for which node:http has its rules.
 */
import { STATUS_CODES } from 'node:http';
import { formatHttpDate } from '../../http/date.ts';
import { isFieldValue } from '../../http/fields.ts';
import { isToken } from '../../http/token.ts';

export interface UsualHeadsOptions {
  /** How long a connection without a request stays; clients are told. */
  readonly keepAliveTimeoutMs: number;
  readonly wallMs: () => number;
}

const contentLength = 'content-length';
/** Answers that end with their head, whatever it says. */
const endsWithHead: ReadonlySet<number> = new Set([204, 304]);
/** What changes more than its own line, in lower case. */
const special: ReadonlySet<string> = new Set([
  'connection',
  'date',
  'expect',
  'keep-alive',
  'trailer',
  'transfer-encoding',
]);
const specialLengths: ReadonlySet<number> = new Set([...special].map(({ length }) => length));

export class UsualHeads {
  /** What clients are told of how long a connection is kept; undefined: nothing. */
  readonly keepAlive: string | undefined;
  readonly #wallMs: () => number;
  readonly #kept: string;
  /** The second that `#tail` tells. */
  #second = 0;
  #tail = '';
  #status = 0;
  #firstLine = '';

  constructor({ keepAliveTimeoutMs, wallMs }: UsualHeadsOptions) {
    this.#wallMs = wallMs;
    const seconds = Math.floor(keepAliveTimeoutMs / 1_000);
    this.keepAlive = keepAliveTimeoutMs === 0 ? undefined : `timeout=${seconds}`;
    const line = this.keepAlive === undefined ? '' : `Keep-Alive: ${this.keepAlive}\r\n`;
    this.#kept = `Connection: keep-alive\r\n${line}\r\n`;
  }

  /**
   * The head of a whole answer on a connection that is kept, its empty line included, as node would
   * send it; undefined where it is not like most, or no valid head.
   *
   * @param headers Names and values in turn.
   */
  layOut(status: number, headers: readonly string[]): string | undefined {
    let lines = '';
    let isMeasured = endsWithHead.has(status);
    for (let at = 0; at + 1 < headers.length; at += 2) {
      const name = headers[at] ?? '';
      const value = headers[at + 1] ?? '';
      if (!isToken(name) || !isFieldValue(value) || isSpecial(name)) return undefined;
      if (name === contentLength) isMeasured = true;
      lines += `${name}: ${value}\r\n`;
    }
    if (!isMeasured) return undefined;
    return `${this.#firstLineOf(status)}${lines}${this.#tailNow()}`;
  }

  #firstLineOf(status: number): string {
    if (status !== this.#status) {
      this.#status = status;
      this.#firstLine = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`;
    }
    return this.#firstLine;
  }

  #tailNow(): string {
    const second = Math.floor(this.#wallMs() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#tail = `Date: ${formatHttpDate(second * 1_000)}\r\n${this.#kept}`;
    }
    return this.#tail;
  }
}

function isSpecial(name: string): boolean {
  return specialLengths.has(name.length) && special.has(name.toLowerCase());
}
