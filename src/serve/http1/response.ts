/**
 * An answer over node:http that can leave without node's help: where head and body are there as
 * one text, node's own way of sending them costs as much as a short guest (docs/rationale.md).
 * What node must know of it, so that it goes on with the connection, it is told as always.
 */
import { ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { Http1Request } from './request.ts';

export class Http1Response extends ServerResponse<Http1Request> {
  #hasLeft = false;

  /** Whether all of the answer has been handed to the system. */
  get isFinished(): boolean {
    return this.#hasLeft || this.writableFinished;
  }

  /**
   * Whether the answer is one like most: of HTTP/1.1, on a connection that is kept. All others node
   * knows better than we do.
   */
  get isUsual(): boolean {
    const { req } = this;
    if (!this.shouldKeepAlive || req.httpVersion !== '1.1') return false;
    return req.headers.expect === undefined && !this.hasHeader('connection');
  }

  /** Sends the whole answer, head and body, one character a byte, in place of `end`. */
  sendText(text: string): void {
    const { socket } = this;
    // Who hears of the end of the connection has nobody left to answer.
    if (socket === null || !socket.writable) return;
    this.finished = true;
    if (socket instanceof TLSSocket) {
      socket.write(text, 'latin1', (error) => this.#leave(error));
      return;
    }
    socket.write(text, 'latin1');
    // Nearly always the system has taken it by now; else it is told behind what still waits.
    if (socket.writableLength === 0) this.#leave(socket.errored);
    else socket.write('', 'latin1', (error) => this.#leave(error));
  }

  /** A connection that broke is told of by its own end. */
  #leave(error: Error | null | undefined): void {
    if (error !== null && error !== undefined) return;
    this.#hasLeft = true;
    this.emit('finish');
  }
}
