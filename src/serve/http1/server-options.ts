/** What HTTP/1.1 is to node's own servers, plain or secured, and what they are to it. */
import type { Server, ServerOptions } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Limits } from '../../config/config.ts';
import { asksForWebSocket } from '../websocket/handshake.ts';
import type { Http1Connections } from './connections.ts';
import { Http1Request } from './request.ts';
import { Http1Response } from './response.ts';

export type Http1Options = ServerOptions<typeof Http1Request, typeof Http1Response>;

/** How often node looks for connections past their header time limit. */
const checkIntervalMs = 1_000;

export function http1Options(limits: Limits, connections: Http1Connections): Http1Options {
  return {
    // Our own checks name what was wrong; node's answer would not carry the request id.
    requireHostHeader: false,
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headerTimeoutMs,
    // Bodies have an idle limit of their own: a long upload is not a slow client.
    requestTimeout: 0,
    // See `IdleConnections`.
    keepAliveTimeout: 0,
    connectionsCheckingInterval: checkIntervalMs,
    shouldUpgradeCallback: (incoming) =>
      asksForWebSocket(incoming) && connections.mayTakeOver(incoming),
    // Most requests have no body, and the stream of one costs as much as a short guest.
    optimizeEmptyRequests: true,
    IncomingMessage: Http1Request,
    ServerResponse: Http1Response,
    noDelay: true,
  };
}

/** Node's own listener of `event`, to be called by ours. */
export function takeListener(server: Server | TlsServer, event: string): (socket: Socket) => void {
  const [listener] = server.listeners(event);
  if (listener === undefined) throw new TypeError(`Cannot serve: no listener of ${event}`);
  server.removeListener(event, listener as () => void);
  return (socket) => Reflect.apply(listener, server, [socket]);
}
