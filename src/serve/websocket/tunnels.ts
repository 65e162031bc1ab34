/**
 * WebSockets that a guest has handed to a server: bytes go both ways, and whoever is faster is held
 * up. Touches both sockets.
 */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Holding, type Share } from '../../account/share.ts';
import type { Shares } from '../../account/shares.ts';
import type { Limits } from '../../config/config.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { ReplyHead } from '../../http/message.ts';
import type { ConnectionCounts } from './connection-counts.ts';
import type { UpgradeRequest } from './upgrade.ts';

export interface TunnelRequest {
  readonly upgrade: UpgradeRequest;
  /** What the server has answered with, and the connection to it. */
  readonly head: ReplyHead;
  readonly server: Duplex;
  readonly shares: Shares;
  /** What the site's owner holds. */
  readonly share: Share;
}

export interface PassedBytes {
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

/** What the streams of one tunnel keep between the two sides, at most. */
const heldBytes = 128 * 1024;

export class Tunnels {
  readonly #limits: Limits;
  readonly #counts: ConnectionCounts;
  /** With what resolves once they are over. */
  readonly #open = new Map<Socket, Promise<unknown>>();
  #isDraining = false;

  /** `counts`: those of all WebSockets of the thread. */
  constructor(limits: Limits, counts: ConnectionCounts) {
    this.#limits = limits;
    this.#counts = counts;
  }

  /**
   * Tells the client that the server has agreed, and joins the two until both have ended.
   *
   * @throws TerrafirmaError `draining`, `overloaded`; the server's connection is closed then.
   */
  async pass(request: TunnelRequest): Promise<PassedBytes> {
    const { server, shares, share } = request;
    const holding = new Holding(share, 'websocket');
    try {
      if (this.#isDraining) throw new TerrafirmaError('draining');
      share.requireRoom(heldBytes);
      this.#counts.join(shares);
    } catch (refusal) {
      server.destroy();
      throw refusal;
    }
    holding.set(heldBytes);
    try {
      return await this.#join(request);
    } finally {
      holding.close();
      this.#counts.leave(shares);
    }
  }

  /** Nobody can say goodbye in their words: they may end by themselves until `drainMs`. */
  async drain(drainMs: number): Promise<void> {
    this.#isDraining = true;
    const cut = setTimeout(() => {
      for (const socket of this.#open.keys()) socket.destroy();
    }, drainMs);
    await Promise.all(this.#open.values());
    clearTimeout(cut);
  }

  async #join({ upgrade, head, server }: TunnelRequest): Promise<PassedBytes> {
    const { client, firstBytes } = upgrade.handOver(head);
    const [readBefore, writtenBefore] = [client.bytesRead, client.bytesWritten];
    const over = joinSockets({ client, firstBytes, server }, this.#limits);
    this.#open.set(client, over);
    try {
      await over;
    } finally {
      this.#open.delete(client);
    }
    return {
      bytesSent: client.bytesWritten - writtenBefore,
      bytesReceived: client.bytesRead - readBefore + firstBytes.length,
    };
  }
}

interface Joined {
  readonly client: Socket;
  /** What the client has sent already. */
  readonly firstBytes: Uint8Array;
  readonly server: Duplex;
}

/** Resolves when both are closed: one that has ended, or is silent for too long, ends the other. */
function joinSockets(
  { client, firstBytes, server }: Joined,
  { websocketIdleMs, websocketGraceMs }: Pick<Limits, 'websocketIdleMs' | 'websocketGraceMs'>,
): Promise<unknown> {
  const cut = (): void => {
    client.destroy();
    server.destroy();
  };
  let grace: NodeJS.Timeout | undefined;
  const partings = [client, server].map((socket) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.on('error', cut);
    // The other side is told by the pipe, and has a while to say goodbye, too.
    socket.once('end', () => {
      grace ??= setTimeout(cut, websocketGraceMs);
    });
    socket.once('close', () => {
      if (!socket.readableEnded) cut();
      resolve();
    });
    return promise;
  });
  client.setTimeout(websocketIdleMs, cut);
  if (firstBytes.length > 0) server.write(firstBytes);
  client.pipe(server);
  server.pipe(client);
  if (client.destroyed || server.destroyed) cut();
  return Promise.all(partings).finally(() => clearTimeout(grace));
}
