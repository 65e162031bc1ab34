/**
 * Connections on which nobody asks for anything any more. Node's own way is a timer for each, set
 * after every answer and cleared before every request, which costs as much as reading the head;
 * here all connections are looked at now and then, and a request costs nothing. Touches the
 * connections.
 */
import type { Socket } from 'node:net';

interface Known {
  readonly isBusy: () => boolean;
  /** As of the last look. */
  bytesRead: number;
  /** How many looks in a row have found the connection idle. */
  idleLooks: number;
}

const looksPerTimeout = 10;
const lookMsMin = 10;
const lookMsMax = 1_000;

export class IdleConnections {
  readonly #known = new Map<Socket, Known>();
  readonly #lookMs: number;
  readonly #idleLooksMax: number;
  /** Runs only while there are connections; alone it keeps no process. */
  #timer: NodeJS.Timeout | undefined;

  /** @param timeoutMs How long a connection may stay idle, at least; two looks more at most. */
  constructor(timeoutMs: number) {
    this.#lookMs = Math.min(lookMsMax, Math.max(lookMsMin, timeoutMs / looksPerTimeout));
    this.#idleLooksMax = Math.ceil(timeoutMs / this.#lookMs) + 1;
  }

  /** How many are looked at. */
  get size(): number {
    return this.#known.size;
  }

  /** @param isBusy Whether an answer is under way. */
  add(socket: Socket, isBusy: () => boolean): void {
    this.#known.set(socket, { isBusy, bytesRead: socket.bytesRead, idleLooks: 0 });
    socket.once('close', () => this.leave(socket));
    this.#timer ??= setInterval(() => this.#look(), this.#lookMs).unref();
  }

  /** It is somebody else's now, or gone. */
  leave(socket: Socket): void {
    this.#known.delete(socket);
    if (this.#known.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    for (const [socket, known] of this.#known) {
      const { bytesRead } = socket;
      // What comes may be a head that is long in coming, for which there is a limit of its own.
      const isIdle = bytesRead === known.bytesRead && !known.isBusy();
      known.bytesRead = bytesRead;
      known.idleLooks = isIdle ? known.idleLooks + 1 : 0;
      if (known.idleLooks > this.#idleLooksMax) socket.destroy();
    }
  }
}
