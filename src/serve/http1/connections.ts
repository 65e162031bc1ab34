/**
 * The order of things on HTTP/1.1 connections (RFC 9112, section 9.3.2).
 *
 * Requests: one at a time. Node's parser hands over every request of a 64 KiB read at once: some
 * 1,800 short ones. Served side by side, Mallory's one connection, which she never reads from,
 * would hold 1,800 open files or guests. So a request waits until the answer before it has left,
 * and only a few may wait.
 *
 * Answers: what is no request is answered too, after the answers under way. Written at once, the
 * 400 would be taken for the answer to an earlier request, or stand in the middle of its body.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { TerrafirmaError } from '../../errors.ts';
import type { Asked, IdleConnections } from './idle-connections.ts';
import type { Lingering } from './lingering.ts';
import type { Http1Response } from './response.ts';

/** More than any browser or proxy sends ahead. */
const pipelinedRequestsMax = 16;

class Connection implements Asked {
  /** Whose answer the socket belongs to, and who came last. */
  current: Http1Response;
  latest: Http1Response;
  requests = 1;
  waiting = 0;
  /** It ends after the answers under way: nothing more is read as a request. */
  isClosing = false;

  constructor(first: Http1Response) {
    this.current = first;
    this.latest = first;
  }

  get isAnswered(): boolean {
    return this.latest.isFinished;
  }

  get isReceived(): boolean {
    return this.latest.req.complete;
  }
}

export class Http1Connections {
  readonly #lingering: Lingering;
  readonly #idle: IdleConnections;
  readonly #connections = new WeakMap<Socket, Connection>();
  /** Connections that ended before their first request was one. */
  readonly #refused = new WeakSet<Socket>();
  readonly #declined = new WeakSet<IncomingMessage>();

  constructor(lingering: Lingering, idle: IdleConnections) {
    this.#lingering = lingering;
    this.#idle = idle;
  }

  /**
   * Calls `serve` when it is this request's turn: at once on a connection without pipelining. Who
   * sends too far ahead gets the answers to the first requests, and the connection ends.
   */
  enter(socket: Socket, response: Http1Response, serve: () => void): void {
    const connection = this.#admit(socket, response);
    if (connection === undefined) return;
    // Node gives the socket to one response at a time.
    if (response.socket !== null) {
      connection.current = response;
      serve();
      return;
    }
    connection.waiting += 1;
    readAsStream(socket);
    response.once('socket', () => {
      connection.waiting -= 1;
      connection.current = response;
      // Node is still handing the socket over: the answer must not begin before it has.
      process.nextTick(() => {
        if (!socket.destroyed) serve();
      });
    });
  }

  /**
   * Whether a request may take the connection over, to become something else than HTTP: not while
   * answers are under way. Otherwise it enters like any other, and `isDeclined` tells.
   */
  mayTakeOver(incoming: IncomingMessage): boolean {
    const { headers, socket } = incoming;
    const hasBody =
      headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
    if (!hasBody && !this.isBusy(socket)) return true;
    this.#declined.add(incoming);
    return false;
  }

  /** Whether `incoming` asked to take the connection over and may not. */
  isDeclined(incoming: IncomingMessage): boolean {
    return this.#declined.has(incoming);
  }

  /**
   * What came is no request. Within a body it is the fault of that request, whose reader is told.
   * Else `answer` composes what leaves after the answers under way; it may never be called. Either
   * way the connection ends.
   */
  refuse(socket: Socket, fault: TerrafirmaError, answer: () => string): void {
    const connection = this.#connections.get(socket);
    if (this.#refused.has(socket) || connection?.isClosing === true) return;
    if (connection === undefined) {
      this.#refused.add(socket);
      this.#lingering.close(socket, answer());
      return;
    }
    connection.isClosing = true;
    this.#lingering.discard(socket);
    this.#lingering.expect(socket);
    const { latest } = connection;
    if (!latest.req.complete) {
      latest.req.failBody(fault);
      if (latest.isFinished) this.#lingering.close(socket);
    } else if (latest.isFinished) this.#lingering.close(socket, answer());
    else {
      latest.once('close', () => {
        if (socket.writable) this.#lingering.close(socket, answer());
      });
    }
  }

  /** Node has let go of the connection: answers under way must still hear that there is room. */
  keepDraining(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    socket.on('drain', () => this.#connections.get(socket)?.current.emit('drain'));
  }

  /** It is no connection of HTTP any more. */
  leave(socket: Socket): void {
    this.#idle.leave(socket);
  }

  /** Whether an answer is under way. */
  isBusy(socket: Socket): boolean {
    return this.#connections.get(socket)?.latest.isFinished === false;
  }

  #admit(socket: Socket, response: Http1Response): Connection | undefined {
    const connection = this.#connections.get(socket);
    if (connection === undefined) {
      if (this.#refused.has(socket)) return undefined;
      const begun = new Connection(response);
      this.#connections.set(socket, begun);
      this.#idle.add(socket, begun);
      return begun;
    }
    if (connection.isClosing) return undefined;
    if (connection.waiting >= pipelinedRequestsMax) {
      connection.isClosing = true;
      connection.latest.shouldKeepAlive = false;
      this.#lingering.discard(socket);
      this.#lingering.expect(socket);
      return undefined;
    }
    connection.latest = response;
    connection.requests += 1;
    return connection;
  }
}

/**
 * Node's parser reads from below the stream, until somebody listens to it. Below, all records of
 * TLS that came together are handed over, also when the parser has been told to wait for an answer
 * under way: it took the next of them for a fault, and a client that sends ahead got 400. From the
 * first it reads below: a large upload costs less that way.
 */
function readAsStream(socket: Socket): void {
  socket.on('data', ignore);
  socket.off('data', ignore);
  // While the parser had it, the stream took itself to be reading; this says that it is not.
  socket.push('');
}

function ignore(): void {
  // The parser has it.
}
