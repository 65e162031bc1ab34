/**
 * Connections of HTTP/1.1 from which nothing but bare requests has come (see `BareHeads`). They are
 * served without node's parser and its two objects a request; a connection on which anything else
 * comes is node's for the rest of its life. Touches the connections.
 */
import type { Socket } from 'node:net';
import { LimitClock } from '../../limit-clock.ts';
import { BareConnection, type BareConnectionOptions } from './connection.ts';
import { BareHeads } from './head.ts';

export interface BareConnectionsOptions
  extends Pick<BareConnectionOptions, 'begin' | 'clientBytes' | 'idle' | 'lingering' | 'nowMs'> {
  readonly limits: { readonly headerBytesMax: number; readonly headerTimeoutMs: number };
}

export class BareConnections {
  readonly #open = new Set<BareConnection>();
  readonly #options: Omit<BareConnectionOptions, 'handOver'>;

  constructor({ limits, ...options }: BareConnectionsOptions) {
    this.#options = {
      ...options,
      heads: new BareHeads(limits.headerBytesMax),
      opening: new LimitClock(Math.max(limits.headerTimeoutMs, 1)),
      leave: (connection) => this.#open.delete(connection),
    };
  }

  /** How many there are. */
  get size(): number {
    return this.#open.size;
  }

  /** @param handOver Gives the connection to node; what it has not read is still to be read. */
  accept(socket: Socket, handOver: (socket: Socket) => void): void {
    this.#open.add(new BareConnection(socket, { ...this.#options, handOver }));
  }

  /** See `BareConnection.endIfIdle`. */
  closeIdle(): void {
    for (const connection of this.#open) connection.endIfIdle();
  }

  destroy(): void {
    for (const { socket } of this.#open) socket.destroy();
  }
}
