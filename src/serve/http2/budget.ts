/**
 * What one HTTP/2 connection may cost besides its requests. Node shows neither frames nor what a
 * header block became; it shows how many bytes came and went, every request, and every PING and
 * SETTINGS. From these follows how much of a connection serves nothing. Pure: the time is handed
 * in.
 */
import { TokenBucket } from '../../account/token-buckets.ts';
import type { Limits } from '../../config/config.ts';

export type Http2BudgetLimits = Pick<
  Limits,
  'http2HeaderBytesPerSecondMax' | 'http2FrameBytesPerSecondMax'
>;

/** The bytes of a connection so far, without those of TLS. */
export interface ConnectionBytes {
  readonly received: number;
  readonly sent: number;
}

/** Frames that cost us an answer each; a client that measures its line sends a few a second. */
const answeredFrames = { burst: 200, perSecond: 20 };
/** So many seconds' worth may come at once. */
const burstS = 2;
/** A request's own frames: its heads, priorities, windows, and what ends it. */
const bytesPerRequest = 512;
/** A client opens its windows again for what it was sent: at most 26 bytes for so many. */
const sentBytesPerWindowByte = 64;

export class Http2Budget {
  readonly #headers: TokenBucket;
  readonly #frames: TokenBucket;
  readonly #answered: TokenBucket;
  /** Bytes received that belong to requests. */
  #explained = 0;
  #looked: ConnectionBytes = { received: 0, sent: 0 };

  constructor(limits: Http2BudgetLimits, nowMs: number) {
    const open = (perSecond: number): TokenBucket =>
      new TokenBucket({ burst: perSecond * burstS, perSecond }, nowMs);
    this.#headers = open(limits.http2HeaderBytesPerSecondMax);
    this.#frames = open(limits.http2FrameBytesPerSecondMax);
    this.#answered = new TokenBucket(answeredFrames, nowMs);
  }

  /**
   * A request whose names and values have `headerBytes` together. A block of a few bytes can name
   * kilobytes that were sent once (RFC 7541): what counts is what they became. False: too much.
   */
  takeRequest(headerBytes: number, nowMs: number): boolean {
    this.#explained += headerBytes + bytesPerRequest;
    return this.#headers.take(headerBytes, nowMs);
  }

  /** A piece of a request's body. */
  noteBody(bytes: number): void {
    this.#explained += bytes;
  }

  /** A PING or SETTINGS. False: too many. */
  takeAnsweredFrame(nowMs: number): boolean {
    return this.#answered.take(1, nowMs);
  }

  /**
   * Looks what came since the last look. False: too much of it was neither requests nor bodies, but
   * frames that only cost time: WINDOW_UPDATE, PRIORITY, empty DATA, unknown ones.
   */
  takeBytes({ received, sent }: ConnectionBytes, nowMs: number): boolean {
    const windows = Math.ceil((sent - this.#looked.sent) / sentBytesPerWindowByte);
    const unexplained = received - this.#looked.received - this.#explained - windows;
    this.#looked = { received, sent };
    // What was explained before it came must not pay for anything later.
    this.#explained = 0;
    return this.#frames.take(Math.max(0, unexplained), nowMs);
  }
}
