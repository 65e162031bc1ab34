/**
 * Connections on which nobody asks for anything any more. Node's own way is a timer for each, set
 * after every answer and cleared before every request, which costs as much as reading the head;
 * here all connections are looked at now and then, and a request costs nothing. Touches the
 * connections.
 */
import type { Socket } from 'node:net';

/** What a connection was asked for. */
export interface Asked {
  /** How many requests have come on it. */
  readonly requests: number;
  /** Whether the answer to the last of them has left. */
  readonly isAnswered: boolean;
  /** Whether that has come with its whole body. */
  readonly isReceived: boolean;
}

interface Known {
  readonly asked: Asked;
  /** As of the last look. */
  requests: number;
  bytesRead: number;
  /** How many looks in a row have found that nothing came, */
  quietLooks: number;
  /** and that no request did. */
  idleLooks: number;
}

const looksPerTimeout = 10;
const lookMsMin = 10;
const lookMsMax = 1_000;

export class IdleConnections {
  readonly #known = new Map<Socket, Known>();
  readonly #lookMs: number;
  readonly #quietLooksMax: number;
  readonly #idleLooksMax: number;
  /** Runs only while there are connections; alone it keeps no process. */
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param timeoutMs How long a connection may stay idle, at least; two looks more at most.
   * @param headMs How long a head may be in coming, for which there is a limit of its own. Bytes
   *   that become none, such as an empty line now and then, keep a connection no longer than that.
   */
  constructor(timeoutMs: number, headMs: number) {
    this.#lookMs = Math.min(lookMsMax, Math.max(lookMsMin, timeoutMs / looksPerTimeout));
    this.#quietLooksMax = Math.ceil(timeoutMs / this.#lookMs) + 1;
    this.#idleLooksMax = this.#quietLooksMax + Math.ceil(headMs / this.#lookMs) + 1;
  }

  /** How many are looked at. */
  get size(): number {
    return this.#known.size;
  }

  add(socket: Socket, asked: Asked): void {
    const { bytesRead } = socket;
    const { requests } = asked;
    this.#known.set(socket, { asked, requests, bytesRead, quietLooks: 0, idleLooks: 0 });
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
      const { requests, isReceived } = known.asked;
      const isAnswered = requests === known.requests && known.asked.isAnswered;
      const isQuiet = isAnswered && bytesRead === known.bytesRead;
      const isIdle = isAnswered && isReceived;
      known.requests = requests;
      known.bytesRead = bytesRead;
      known.idleLooks = isIdle ? known.idleLooks + 1 : 0;
      known.quietLooks = isQuiet ? known.quietLooks + 1 : 0;
      const { quietLooks, idleLooks } = known;
      if (quietLooks > this.#quietLooksMax || idleLooks > this.#idleLooksMax) socket.destroy();
    }
  }
}
