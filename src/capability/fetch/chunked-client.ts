/**
 * Connections for requests of which nobody knows at their beginning how long they are. Edge:
 * node:http, over HTTP/1.1.
 *
 * undici sends the head of such a request with the first piece of its body, and has no place for
 * what follows the last one, the trailers (RFC 9112, section 7.1.2); node:http has. The sockets are
 * those of the pool's own connector, so that addresses, TLS and times are judged in one place.
 */
import { Agent } from 'node:http';
import type { Duplex } from 'node:stream';
import type { buildConnector } from 'undici';
import { ChunkedExchange, type ChunkedRequest } from './chunked-exchange.ts';
import type { ServerExchange } from './exchange.ts';

export interface ChunkedOptions {
  /** An origin, such as `https://example.com`. */
  readonly origin: string;
  readonly connect: buildConnector.connector;
  /** Requests under way at once; others wait their turn. */
  readonly connectionsMax: number;
  readonly keepAliveMs: number;
  readonly usesMax: number | undefined;
  readonly lifetimeMs: number | undefined;
  readonly headerBytesMax: number;
}

/** One a pool. */
export class ChunkedClient {
  readonly #options: ChunkedOptions;
  readonly #waiting: (() => void)[] = [];
  #agent: ConnectingAgent | undefined;
  #underWay = 0;

  constructor(options: ChunkedOptions) {
    this.#options = options;
  }

  /** Sends it, or lets it wait; `exchange` gets the reply. */
  send(request: ChunkedRequest, exchange: ServerExchange): void {
    const { connectionsMax, headerBytesMax } = this.#options;
    const start = (): void => {
      this.#underWay += 1;
      this.#agent ??= new ConnectingAgent(this.#options);
      const agent = this.#agent;
      const begun = new ChunkedExchange(request, { agent, headerBytesMax, exchange });
      begun.onceOver(() => {
        this.#underWay -= 1;
        this.#waiting.shift()?.();
      });
    };
    if (this.#underWay < connectionsMax) start();
    else this.#waiting.push(start);
  }

  /** Ends connections when they are free. */
  close(): void {
    this.#agent?.close();
  }

  /** Ends all connections, those in use too. */
  destroy(): void {
    this.#waiting.length = 0;
    this.close();
    this.#agent?.destroy();
  }
}

interface SocketUse {
  readonly openedAtMs: number;
  requests: number;
}

/** Its sockets are the connector's, and kept for as long as the back-end's settings say. */
class ConnectingAgent extends Agent {
  readonly #options: ChunkedOptions;
  readonly #target: buildConnector.Options;
  readonly #uses = new WeakMap<Duplex, SocketUse>();
  #isClosed = false;

  constructor(options: ChunkedOptions) {
    super({ keepAlive: true, timeout: options.keepAliveMs });
    this.#options = options;
    const { protocol, host, hostname, port } = new URL(options.origin);
    this.#target = { protocol, host, hostname: hostname.replace(/^\[(.*)\]$/, '$1'), port };
  }

  override createConnection(
    _options: object,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    this.#options.connect(this.#target, (...[error, socket]) => {
      if (socket !== null) this.#uses.set(socket, { openedAtMs: performance.now(), requests: 0 });
      // Where there is an error nobody looks for a socket, which the types do not say.
      callback?.(error, socket as Duplex);
    });
  }

  /** Asked when a request is over; false: the socket is ended. */
  override keepSocketAlive(socket: Duplex): boolean {
    const { usesMax = Number.POSITIVE_INFINITY, lifetimeMs = Number.POSITIVE_INFINITY } =
      this.#options;
    const use = this.#uses.get(socket);
    if (this.#isClosed || use === undefined) return false;
    use.requests += 1;
    if (use.requests >= usesMax || performance.now() - use.openedAtMs >= lifetimeMs) return false;
    // Node looks at how long the server says that it keeps the connection, and answers as we do.
    return (super.keepSocketAlive as (socket: Duplex) => boolean).call(this, socket);
  }

  close(): void {
    this.#isClosed = true;
    for (const sockets of Object.values(this.freeSockets)) {
      for (const socket of sockets ?? []) socket.destroy();
    }
  }
}
