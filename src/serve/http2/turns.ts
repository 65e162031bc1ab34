/**
 * The requests of HTTP/2, begun a few at a time and by connection in turn: a hundred that arrive in
 * one packet, or a few on each of many connections, would otherwise all run before anybody else is
 * read again. Each is begun by itself, so that a short run is over before the next begins, and none
 * has to wait in line for the thread.
 */
import type { ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';

export interface Http2Request {
  readonly stream: ServerHttp2Stream;
  /** Names and values in turn, pseudo-headers included. */
  readonly rawHeaders: readonly string[];
  /** The same of the fields after the body, as soon as they have come. */
  readonly rawTrailers: readonly string[];
  readonly socket: TLSSocket;
  /** The first bytes that came on the connection, `openingBytesMax` at most. */
  readonly opening: Uint8Array;
}

export class Http2Turns {
  readonly #perTurn: number;
  readonly #onStream: (request: Http2Request) => void;
  /** By connection; the one whose turn is next comes first. */
  readonly #lines = new Map<TLSSocket, Http2Request[]>();
  #waiting = 0;
  /** Requests that begin in the present turn of the event loop, or in the next. */
  #due = 0;

  /** @param perTurn Requests begun before whatever else has arrived has its turn. */
  constructor(perTurn: number, onStream: (request: Http2Request) => void) {
    this.#perTurn = perTurn;
    this.#onStream = onStream;
  }

  /** Bounded by the streams that each connection may have open. */
  add(request: Http2Request): void {
    const line = this.#lines.get(request.socket);
    if (line === undefined) this.#lines.set(request.socket, [request]);
    else line.push(request);
    this.#waiting += 1;
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
    if (this.#waiting > this.#due) this.#schedule();
  };

  /** After the other frames that came with it: one that breaks it off spares us the request. */
  #takeWanted(): Http2Request | undefined {
    for (const [socket, line] of this.#lines) {
      const request = line.shift();
      this.#lines.delete(socket);
      // Behind the others: a loop over a map comes to it again.
      if (line.length > 0) this.#lines.set(socket, line);
      if (request === undefined) continue;
      this.#waiting -= 1;
      if (!request.stream.destroyed && !request.stream.aborted) return request;
    }
    return undefined;
  }
}
