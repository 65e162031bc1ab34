/**
 * The requests of one HTTP/2 connection, begun a few at a time: a hundred that arrive in one packet
 * would otherwise all run before anybody else's connection is read again.
 */
import type { ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';

export interface Http2Request {
  readonly stream: ServerHttp2Stream;
  /** Names and values in turn, pseudo-headers included. */
  readonly rawHeaders: readonly string[];
  readonly socket: TLSSocket;
}

export class Http2Turns {
  readonly #perTurn: number;
  readonly #onStream: (request: Http2Request) => void;
  readonly #waiting: Http2Request[] = [];

  /** @param perTurn Requests begun before other connections have their turn. */
  constructor(perTurn: number, onStream: (request: Http2Request) => void) {
    this.#perTurn = perTurn;
    this.#onStream = onStream;
  }

  /** Bounded by the streams that a connection may have open. */
  add(request: Http2Request): void {
    this.#waiting.push(request);
    if (this.#waiting.length === 1) setImmediate(() => this.#take());
  }

  /** After the other frames that came with it: one that breaks it off spares us the request. */
  #take(): void {
    let begun = 0;
    let next = 0;
    while (next < this.#waiting.length && begun < this.#perTurn) {
      const request = this.#waiting[next];
      next += 1;
      if (request === undefined || request.stream.destroyed || request.stream.aborted) continue;
      begun += 1;
      this.#onStream(request);
    }
    this.#waiting.splice(0, next);
    if (this.#waiting.length > 0) setImmediate(() => this.#take());
  }
}
