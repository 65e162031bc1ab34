/**
 * The HTTPS server of one endpoint. Touches the network. Every connection is greeted before its
 * handshake: the name in the ClientHello decides whether there is one at all, so that a name
 * without a certificate costs an alert of seven bytes and no cryptography.
 */
import { Buffer } from 'node:buffer';
import { createServer, type Server } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { Limits } from '../../config/config.ts';
import { TerrafirmaError } from '../../errors.ts';
import { type HostName, parseHostName } from '../../names.ts';
import type { CertificatePair } from '../../threads/messages.ts';
import { type Http1Options, takeListener } from '../http1/server-options.ts';
import type { TlsContexts } from './contexts.ts';
import { HandshakeTurns } from './handshake-turns.ts';
import { alerts, type PlainRequest, peekHello, sendAlert } from './hello-peek.ts';
import type { KeptHellos } from './kept-hellos.ts';

export interface TlsServerOptions {
  /** What the HTTP/1.1 side has in common with the plain server. */
  readonly http: Http1Options;
  readonly limits: Pick<Limits, 'headerTimeoutMs'>;
  readonly contexts: TlsContexts;
  readonly ticketKeys: Uint8Array;
  /** A name was named: whoever serves it may begin to look it up. */
  readonly onHello: (hostName: HostName, clientAddress: string | undefined) => void;
  /** The visitor at the other end; undefined where that is a proxy, with many behind it. */
  readonly clientOf: (socket: Socket) => string | undefined;
  /** The certificate for a validation of `hostName` by tls-alpn-01, if one is due (RFC 8737). */
  readonly challengeOf: (hostName: HostName) => Promise<CertificatePair | null>;
  /** Whether the client may choose HTTP/2; else HTTP/1.1 is all that is offered. */
  readonly mayUseHttp2: (socket: Socket) => boolean;
  /** `handOver` gives it to node, which reads HTTP/1.1 from it. */
  readonly onHttp1: (socket: TLSSocket, handOver: (socket: Socket) => void) => void;
  readonly onHttp2: (socket: TLSSocket) => void;
  /** Connections whose handshake has not begun, for whoever ends them all. */
  readonly greeting: Set<Socket>;
  readonly hellos: KeptHellos;
  /** Plain HTTP came; it is to be answered, and the connection ended. */
  readonly onPlain: (socket: Socket, request: PlainRequest) => void;
  /** A handshake was refused; for the log. */
  readonly onRefused: (serverName: string | undefined, reason: string) => void;
  /** One has ended: well, or by the client. */
  readonly onHandshake?: ((isDone: boolean) => void) | undefined;
}

const acmeProtocol = 'acme-tls/1';
/** Node's own is made of the command line, so that a session would hold on one node alone. */
const sessionIdContext = 'terrafirma';

export function createTlsServer(options: TlsServerOptions): Server {
  const { contexts, http, limits, ticketKeys } = options;
  const server = createServer({
    ...http,
    minVersion: 'TLSv1.2',
    // Node calls it as a method of the connection's socket.
    ALPNCallback(this: Socket, { protocols }: { protocols: readonly string[] }) {
      return chooseProtocol(protocols, options.mayUseHttp2(this));
    },
    handshakeTimeout: limits.headerTimeoutMs,
    ticketKeys: Buffer.from(ticketKeys),
    sessionIdContext,
    // Greeted before, so it is at hand but for the rarest of moments.
    SNICallback: (serverName, settle) => {
      chooseContext(contexts, serverName).then(
        (context) => settle(null, context),
        (error: Error) => settle(error),
      );
    },
  });
  /** What handshakes that name nobody get now. */
  const nobodys = new WeakMap<Server, CertificatePair>();
  const handshakes = new HandshakeTurns(takeListener(server, 'connection'));
  const serveHttp1 = takeListener(server, 'secureConnection');
  server.on('connection', (socket: Socket) => {
    options.greeting.add(socket);
    socket.once('close', () => options.greeting.delete(socket));
    greet(socket, server, { ...options, nobodys }).then(
      (isWelcome) => {
        options.greeting.delete(socket);
        if (isWelcome && !socket.destroyed) handshakes.push(socket);
      },
      (error: Error) => socket.destroy(error),
    );
  });
  server.on('secureConnection', (socket) => {
    options.onHandshake?.(true);
    options.hellos.secure(socket);
    if (socket.alpnProtocol === 'h2') options.onHttp2(socket);
    else options.onHttp1(socket, serveHttp1);
  });
  // A handshake that fails is the client's business; node would tell it as a bad request.
  server.removeAllListeners('tlsClientError');
  server.on('tlsClientError', (_error, socket) => {
    options.onHandshake?.(false);
    socket.destroy();
  });
  return server;
}

/** Whether the handshake may begin. Where not, the connection has been answered. */
async function greet(
  socket: Socket,
  server: Server,
  options: TlsServerOptions & { readonly nobodys: WeakMap<Server, CertificatePair> },
): Promise<boolean> {
  socket.on('error', () => socket.destroy());
  const { nobodys } = options;
  const hello = await peekHello(socket, options.limits.headerTimeoutMs);
  if (hello === undefined) return false;
  if (!('message' in hello)) {
    options.onPlain(socket, hello);
    return false;
  }
  const hostName = readServerName(hello.serverName);
  if (hostName === 'malformed') {
    options.onRefused(hello.serverName, 'the name in the handshake is no host name');
    sendAlert(socket, alerts.unrecognizedName);
    return false;
  }
  if (hello.protocols.includes(acmeProtocol)) {
    await showChallenge(socket, hostName, options);
    return false;
  }
  const { protocols } = hello;
  const hasProtocol = chooseProtocol(protocols, options.mayUseHttp2(socket)) !== undefined;
  if (protocols.length > 0 && !hasProtocol) {
    sendAlert(socket, alerts.noApplicationProtocol);
    return false;
  }
  const clientAddress = options.clientOf(socket);
  if (hostName !== undefined) options.onHello(hostName, clientAddress);
  const answer = await options.contexts.of(hostName, clientAddress);
  if (answer.kind === 'none') {
    options.onRefused(hello.serverName, answer.reason);
    sendAlert(socket, alerts.unrecognizedName);
    return false;
  }
  if (hostName === undefined && nobodys.get(server) !== answer.pair) {
    nobodys.set(server, answer.pair);
    const { chainPem: cert, keyPem: key } = answer.pair;
    server.setSecureContext({
      cert,
      key,
      minVersion: 'TLSv1.2',
      ticketKeys: server.getTicketKeys(),
      sessionIdContext,
    });
  }
  options.hellos.greet(socket, hello.message);
  return true;
}

function chooseProtocol(offered: readonly string[], mayUseHttp2: boolean): string | undefined {
  if (mayUseHttp2 && offered.includes('h2')) return 'h2';
  return ['http/1.1', 'http/1.0'].find((protocol) => offered.includes(protocol));
}

/**
 * An address is no name (RFC 6066, section 3), but clients that were given one send it all the
 * same: they are served as those are that name nobody.
 */
function readServerName(serverName: string | undefined): HostName | undefined | 'malformed' {
  if (serverName === undefined || isIP(serverName) !== 0) return undefined;
  try {
    return parseHostName(serverName);
  } catch (error) {
    if (error instanceof TerrafirmaError) return 'malformed';
    throw error;
  }
}

/** Answers a validation: the handshake is all there is to it, no byte of ours follows. */
async function showChallenge(
  socket: Socket,
  hostName: HostName | undefined,
  options: TlsServerOptions,
): Promise<void> {
  const pair = hostName === undefined ? null : await options.challengeOf(hostName);
  if (pair === null) {
    sendAlert(socket, alerts.unrecognizedName);
    return;
  }
  const secureContext = createSecureContext({ cert: pair.chainPem, key: pair.keyPem });
  const secured = new TLSSocket(socket, {
    isServer: true,
    secureContext,
    ALPNProtocols: [acmeProtocol],
  });
  const timer = setTimeout(() => secured.destroy(), options.limits.headerTimeoutMs);
  secured.on('secure', () => secured.end());
  secured.on('error', () => secured.destroy());
  secured.on('close', () => clearTimeout(timer));
}

async function chooseContext(contexts: TlsContexts, serverName: string) {
  const hostName = readServerName(serverName);
  if (hostName === 'malformed') return undefined;
  const answer = await contexts.of(hostName);
  return answer.kind === 'context' ? answer.context : undefined;
}
