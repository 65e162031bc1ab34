/**
 * A request that wants to become a WebSocket: until it is accepted it can be answered like any
 * other. Touches the connection's socket, through node and the library ws.
 */
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket, WebSocketServer } from 'ws';
import { TerrafirmaError } from '../../errors.ts';

export class UpgradeRequest {
  /** For an answer other than the upgrade; the connection ends after it. */
  readonly response: ServerResponse;
  readonly #incoming: IncomingMessage;
  readonly #socket: Socket;
  readonly #firstBytes: Buffer;

  private constructor(incoming: IncomingMessage, socket: Socket, firstBytes: Buffer) {
    this.#incoming = incoming;
    this.#socket = socket;
    this.#firstBytes = firstBytes;
    this.response = new ServerResponse(incoming);
  }

  /**
   * Takes over what node has let go of. Undefined, and the connection broken off, when an answer
   * to an earlier request is still under way: ours would stand in the middle of it.
   */
  static open(
    incoming: IncomingMessage,
    socket: Socket,
    firstBytes: Buffer,
  ): UpgradeRequest | undefined {
    socket.on('error', () => socket.destroy());
    const upgrade = new UpgradeRequest(incoming, socket, firstBytes);
    try {
      upgrade.response.assignSocket(socket);
    } catch {
      socket.destroy();
      return undefined;
    }
    upgrade.response.shouldKeepAlive = false;
    upgrade.response.once('finish', () => socket.destroySoon());
    return upgrade;
  }

  /** Answers 101. @throws TerrafirmaError `client-gone`. */
  accept(server: WebSocketServer, requestId: string): WebSocket {
    this.response.detachSocket(this.#socket);
    let accepted: WebSocket | undefined;
    const addId = (headers: string[]): void => void headers.push(`x-request-id: ${requestId}`);
    server.once('headers', addId);
    server.handleUpgrade(this.#incoming, this.#socket, this.#firstBytes, (socket) => {
      accepted = socket;
    });
    server.off('headers', addId);
    if (accepted !== undefined) return accepted;
    throw new TerrafirmaError('client-gone', 'the client went away before its WebSocket opened');
  }
}
