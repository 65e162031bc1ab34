/**
 * A request that wants to become a WebSocket: until it is accepted it can be answered like any
 * other. Touches the connection's socket, through node and the library ws.
 */
import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import type { WebSocket, WebSocketServer } from 'ws';
import { TerrafirmaError } from '../../errors.ts';
import type { ReplyHead } from '../../http/message.ts';
import type { Http1Request } from '../http1/request.ts';
import { Http1Response } from '../http1/response.ts';

export interface UpgradeParts {
  readonly incoming: Http1Request;
  /** Node has let go of it, and no answer is under way on it. */
  readonly socket: Socket;
  readonly firstBytes: Buffer;
}

export class UpgradeRequest {
  /** For an answer other than the upgrade, after which the connection is to end. */
  readonly response: Http1Response;
  readonly #parts: UpgradeParts;
  /** Nobody reads: without a look now and then the end of a connection is not told. */
  readonly #look = (): void => {
    const { socket } = this.#parts;
    if (socket.readableLength === 0) socket.read();
  };
  readonly #leave = (): void => void this.#parts.socket.destroy();

  constructor(parts: UpgradeParts) {
    const { incoming, socket } = parts;
    this.#parts = parts;
    this.response = new Http1Response(incoming);
    this.response.assignSocket(socket);
    this.response.shouldKeepAlive = false;
    socket.on('error', () => socket.destroy());
  }

  /** All that has come on the connection, in bytes. */
  get bytesRead(): number {
    return this.#parts.socket.bytesRead;
  }

  /** Notices from here on that the client goes away; what it sends is left where it is. */
  watch(): void {
    const { socket } = this.#parts;
    socket.on('readable', this.#look);
    socket.once('end', this.#leave);
    this.#look();
  }

  /** Answers 101 as somebody else has: from here on the connection is whoever's asked for it. */
  handOver({ headers }: ReplyHead): { readonly client: Socket; readonly firstBytes: Uint8Array } {
    const { socket, firstBytes } = this.#parts;
    socket.off('readable', this.#look);
    socket.off('end', this.#leave);
    this.response.detachSocket(socket);
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const fixed = 'connection: Upgrade\r\nupgrade: websocket\r\n';
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fixed}${lines}\r\n`, 'latin1');
    return { client: socket, firstBytes };
  }

  /** Answers 101. @throws TerrafirmaError `client-gone`. */
  accept(server: WebSocketServer, requestId: string): WebSocket {
    const { incoming, socket, firstBytes } = this.#parts;
    this.response.detachSocket(socket);
    let accepted: WebSocket | undefined;
    const addId = (headers: string[]): void => void headers.push(`x-request-id: ${requestId}`);
    server.once('headers', addId);
    server.handleUpgrade(incoming, socket, firstBytes, (opened) => {
      accepted = opened;
    });
    server.off('headers', addId);
    if (accepted !== undefined) return accepted;
    throw new TerrafirmaError('client-gone', 'the client went away before its WebSocket opened');
  }
}
