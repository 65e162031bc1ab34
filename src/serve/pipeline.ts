/**
 * HTTP/1.1 pipelining, one at a time. Node's parser hands over every request of a 64 KiB read at
 * once: some 1,800 short ones. Served side by side, Mallory's one connection, which she never
 * reads from, would hold 1,800 open files or guests. So a request waits until the answer before it
 * has left, and only a few may wait.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** More than any browser or proxy sends ahead. */
const PIPELINED_REQUESTS_MAX = 16;

export class Pipelines {
  /** Requests that wait for their turn, by connection; most connections never have any. */
  readonly #waiting = new WeakMap<Socket, number>();

  /**
   * Calls `serve` when it is this request's turn: at once on a connection without pipelining. A
   * connection that sends too far ahead is broken off.
   */
  enter(socket: Socket, response: ServerResponse, serve: () => void): void {
    // Node gives the socket to one response at a time.
    if (response.socket !== null) {
      serve();
      return;
    }
    const waiting = (this.#waiting.get(socket) ?? 0) + 1;
    if (waiting > PIPELINED_REQUESTS_MAX) {
      socket.destroy();
      return;
    }
    this.#waiting.set(socket, waiting);
    response.once('socket', () => {
      this.#waiting.set(socket, (this.#waiting.get(socket) ?? 1) - 1);
      // Node is still handing the socket over: the answer must not begin before it has.
      process.nextTick(() => {
        if (!socket.destroyed) serve();
      });
    });
  }
}
