/**
 * The requests of one HTTP/2 connection, begun a few at a time: a hundred that arrive in one packet
 * would otherwise all run before anybody else's connection is read again. Each is begun by itself,
 * so that a short run is over before the next begins, and none has to wait in line for the thread.
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
  /** Requests that begin in the present turn of the event loop, or in the next. */
  #due = 0;

  /** @param perTurn Requests begun before other connections have their turn. */
  constructor(perTurn: number, onStream: (request: Http2Request) => void) {
    this.#perTurn = perTurn;
    this.#onStream = onStream;
  }

  /** Bounded by the streams that a connection may have open. */
  add(request: Http2Request): void {
    this.#waiting.push(request);
    if (this.#due < this.#perTurn) this.#schedule();
  }

  #schedule(): void {
    this.#due += 1;
    setImmediate(this.#begin);
  }

  readonly #begin = (): void => {
    this.#due -= 1;
    const request = this.#takeWanted();
    if (request !== undefined) this.#onStream(request);
    // An immediate that is asked for now has its turn after others have been read.
    if (this.#waiting.length > this.#due) this.#schedule();
  };

  /** After the other frames that came with it: one that breaks it off spares us the request. */
  #takeWanted(): Http2Request | undefined {
    for (;;) {
      const request = this.#waiting.shift();
      if (request === undefined || !(request.stream.destroyed || request.stream.aborted)) {
        return request;
      }
    }
  }
}
