/**
 * Sockets ↔ exchanges: the HTTP server of one serving thread with its limits on headers, idle and
 * slow connections, and its draining. Touches the network.
 */
import { randomBytes } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import type { Server as TlsServer } from 'node:https';
import { type AddressInfo, isIP, Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { RequestHead } from '../abi/abi.ts';
import type { Header } from '../capability/capability.ts';
import type { Endpoint, Limits } from '../config/config.ts';
import { type ErrorRecord, errorRow, TerrafirmaError, toErrorRecord } from '../errors.ts';
import { parseHostName, quoteReceived } from '../names.ts';
import type { RequestRecord } from '../telemetry.ts';
import type { TrustedProxies, Visitor } from './client-address.ts';
import { type ExchangeOptions, HttpExchange } from './exchange.ts';
import { failureHead } from './failure.ts';
import { Http1Wire, type Http1WireOptions } from './http1-wire.ts';
import { readHttp2Head } from './http2-head.ts';
import { Http2Offenders } from './http2-offenders.ts';
import { type Http2Request, Http2Sessions } from './http2-sessions.ts';
import { Http2Wire } from './http2-wire.ts';
import { Pipelines } from './pipeline.ts';
import { explainParserError, newRecord, plainAddress } from './rejected.ts';
import { ReplyBatch } from './reply-batch.ts';
import { type RawHead, readRequestHead } from './request-head.ts';
import { createTlsServer, type TlsServerOptions } from './tls-server.ts';
import { asksForWebSocket, checkHandshake } from './websocket/handshake.ts';
import { UpgradeRequest } from './websocket/upgrade.ts';

export interface ListenerOptions {
  readonly limits: Limits;
  readonly serve: (exchange: HttpExchange, record: RequestRecord) => Promise<void>;
  /** Requests that never became an exchange are logged too. */
  readonly onRejected: (record: RequestRecord) => void;
  /** Undefined: no proxy is trusted. */
  readonly proxies?: TrustedProxies | undefined;
  /** Undefined: plain HTTP alone. */
  readonly tls?: ListenerTls | undefined;
}

export interface ListenerTls
  extends Pick<
    TlsServerOptions,
    'contexts' | 'ticketKeys' | 'onHello' | 'clientOf' | 'challengeOf' | 'onRefused'
  > {
  /** On every answer over HTTPS, e.g. Strict-Transport-Security. */
  readonly fixedHeaders: readonly Header[] | undefined;
  /** A connection of HTTP/2 was cut; for the log. */
  readonly onFlood: (clientAddress: string, reason: string) => void;
}

/** How often node looks for connections past their header time limit. */
const CHECK_INTERVAL_MS = 1_000;
/** How long a connection without a request may still bring one while the daemon stops. */
const DRAIN_GRACE_MS = 300;
const NO_BODY = { hasBody: false, declaredBytes: 0, expectsContinue: false };

export class Listener {
  readonly #options: ListenerOptions;
  readonly #servers: (Server | TlsServer)[] = [];
  readonly #tlsServers: TlsServer[] = [];
  readonly #http2: Http2Sessions;
  readonly #offenders = new Http2Offenders(() => performance.now());
  readonly #pipelines = new Pipelines();
  readonly #wireOptions: Http1WireOptions;
  readonly #tlsSockets = new Set<Socket>();
  readonly #greeting = new Set<Socket>();
  /** Random start, then a count: unique without asking the system's generator every time. */
  readonly #idPrefix = randomBytes(6).toString('hex');
  #nextId = 0;
  #secureOptions: ExchangeOptions | undefined;
  #isDraining = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    const { limits, proxies } = options;
    const { replyIdleTimeoutMs } = limits;
    this.#wireOptions = { replyIdleTimeoutMs, batch: new ReplyBatch() };
    this.#http2 = new Http2Sessions({
      limits,
      onStream: (request) => this.#acceptStream(request),
      offenders: this.#offenders,
      isProxy: (address) => proxies?.trusts(address) === true,
      onFlood: (address, reason) => options.tls?.onFlood(address, reason),
      nowMs: () => performance.now(),
    });
  }

  /** Opens one endpoint. Rejects with the system's error, e.g. EADDRINUSE. */
  listen(endpoint: Endpoint, reusePort: boolean): Promise<Endpoint> {
    return this.#open(this.#createServer(), endpoint, reusePort);
  }

  /** The same for HTTPS; the options must have `tls`. */
  listenTls(endpoint: Endpoint, reusePort: boolean): Promise<Endpoint> {
    const server = this.#createTlsServer();
    this.#tlsServers.push(server);
    return this.#open(server, endpoint, reusePort);
  }

  /** Tickets sealed with older keys are worth nothing from now on. */
  setTicketKeys(keys: Uint8Array): void {
    for (const server of this.#tlsServers) server.setTicketKeys(Buffer.from(keys));
  }

  async #open(
    server: Server | TlsServer,
    endpoint: Endpoint,
    reusePort: boolean,
  ): Promise<Endpoint> {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: endpoint.host, port: endpoint.port, reusePort }, resolve);
    });
    this.#servers.push(server);
    const { address, port } = server.address() as AddressInfo;
    return { host: address, port };
  }

  /**
   * Stops accepting. For a moment connections that look idle stay: their next request may be on
   * its way, and is answered with `connection: close`. Then idle ones close, busy ones after their
   * answer. Resolves when all are gone, or after `drainMs`, when the rest are cut.
   */
  async drain(drainMs: number): Promise<void> {
    this.#isDraining = true;
    const closed = this.#servers.map(stopAccepting);
    const closeIdle = setInterval(() => {
      for (const server of this.#servers) server.closeIdleConnections();
    }, DRAIN_GRACE_MS);
    for (const socket of this.#greeting) socket.destroy();
    this.#http2.drain();
    const cut = setTimeout(() => {
      for (const server of this.#servers) server.closeAllConnections();
      this.#http2.destroy();
      for (const socket of this.#tlsSockets) socket.destroy();
    }, drainMs);
    await Promise.all(closed);
    clearInterval(closeIdle);
    clearTimeout(cut);
  }

  #createServer(): Server {
    const server = createServer(this.#httpOptions(), (incoming, response) =>
      this.#enter(incoming, response),
    );
    this.#prepare(server);
    return server;
  }

  #createTlsServer(): TlsServer {
    const { limits, tls } = this.#options;
    if (tls === undefined) throw new TypeError('Cannot listen for HTTPS: it has no certificates');
    const server = createTlsServer({
      ...tls,
      limits,
      http: this.#httpOptions(),
      mayUseHttp2: (socket) => this.#offenders.mayUseHttp2(plainAddress(socket.remoteAddress)),
      onHttp2: (socket) => this.#http2.accept(socket),
      greeting: this.#greeting,
    });
    server.on('connection', (socket: Socket) => {
      this.#tlsSockets.add(socket);
      socket.once('close', () => this.#tlsSockets.delete(socket));
    });
    server.on('request', (incoming: IncomingMessage, response: ServerResponse) =>
      this.#enter(incoming, response),
    );
    this.#prepare(server);
    return server;
  }

  #httpOptions(): ServerOptions {
    const { limits } = this.#options;
    return {
      // Our own checks name what was wrong; node's answer would not carry the request id.
      requireHostHeader: false,
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headerTimeoutMs,
      // Bodies have an idle limit of their own: a long upload is not a slow client.
      requestTimeout: 0,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      shouldUpgradeCallback: asksForWebSocket,
      noDelay: true,
    };
  }

  #prepare(server: Server | TlsServer): void {
    server.maxConnections = this.#options.limits.connectionsPerThreadMax;
    server.maxHeadersCount = 0;
    const enter = (incoming: IncomingMessage, response: ServerResponse): void =>
      this.#enter(incoming, response);
    server.on('checkContinue', enter);
    server.on('checkExpectation', enter);
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) =>
      this.#refuseSocket(error, socket as Socket),
    );
    server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, firstBytes: Buffer) => {
      const upgrade = UpgradeRequest.open(incoming, socket as Socket, firstBytes);
      if (upgrade !== undefined) this.#accept(incoming, upgrade.response, upgrade);
    });
    server.on('connect', (_incoming: IncomingMessage, socket: Duplex) => {
      this.#answerSocket(socket as Socket, {
        code: 'bad-request',
        detail: 'Cannot serve the request: CONNECT is not offered here',
      });
    });
  }

  #enter(incoming: IncomingMessage, response: ServerResponse): void {
    this.#pipelines.enter(incoming.socket, response, () => this.#accept(incoming, response));
  }

  #accept(incoming: IncomingMessage, response: ServerResponse, upgrade?: UpgradeRequest): void {
    const { limits } = this.#options;
    const id = this.#newId();
    const { socket } = incoming;
    const raw: RawHead = {
      method: incoming.method ?? '',
      url: incoming.url ?? '',
      httpVersion: incoming.httpVersion,
      rawHeaders: incoming.rawHeaders,
    };
    const visitor = this.#visitorOf(socket, raw.rawHeaders);
    const record = newRecord(id, { ...raw, clientAddress: visitor.clientAddress });
    if (this.#isDraining) response.setHeader('connection', 'close');
    try {
      const head = this.#readHead(raw, { id, socket, visitor });
      if (upgrade !== undefined) checkHandshake(incoming);
      const usual = socket instanceof TLSSocket ? this.#tlsExchangeOptions() : limits;
      const options = upgrade === undefined ? usual : { ...usual, upgrade };
      const exchange = new HttpExchange(
        head,
        new Http1Wire(incoming, response, this.#wireOptions),
        options,
      );
      void this.#options.serve(exchange, record);
    } catch (failure) {
      this.#reject(response, record, toErrorRecord(failure));
    }
  }

  #acceptStream({ stream, rawHeaders, socket }: Http2Request): void {
    const { limits } = this.#options;
    const id = this.#newId();
    const visitor = this.#visitorOf(socket, rawHeaders);
    const { clientAddress } = visitor;
    let record = newRecord(id, { clientAddress });
    let wire = new Http2Wire(stream, { ...limits, ...NO_BODY });
    try {
      const { raw, ...rest } = readHttp2Head(rawHeaders, limits.headerBytesMax);
      record = newRecord(id, { ...raw, clientAddress });
      wire = new Http2Wire(stream, { ...limits, ...rest, hasBody: !stream.endAfterHeaders });
      const head = this.#readHead(raw, { id, socket, visitor });
      const exchange = new HttpExchange(head, wire, this.#tlsExchangeOptions());
      void this.#options.serve(exchange, record);
    } catch (failure) {
      const error = toErrorRecord(failure);
      const { head, body } = failureHead(error);
      wire.sendWhole(head.status, [...head.headers.flat(), 'x-request-id', id], body);
      if (!wire.isReceived) wire.closeWhenSent();
      this.#note(record, error, body.length);
    }
  }

  #readHead(
    raw: RawHead,
    from: { readonly id: string; readonly socket: Socket; readonly visitor: Visitor },
  ): RequestHead {
    const { id, socket, visitor } = from;
    const { clientAddress, scheme, isForwarded } = visitor;
    const { limits } = this.#options;
    const head = readRequestHead(
      raw,
      { id, scheme, clientAddress, clientPort: socket.remotePort ?? 0 },
      isForwarded ? { ...limits, keepsForwarded: true } : limits,
    );
    // A proxy names itself in its handshake and the visitor's host in the request.
    if (socket instanceof TLSSocket && !isForwarded) checkServerName(head.authority, socket);
    return head;
  }

  #visitorOf(socket: Socket, rawHeaders: readonly string[]): Visitor {
    const clientAddress = plainAddress(socket.remoteAddress);
    const scheme = socket instanceof TLSSocket ? 'https' : 'http';
    const { proxies } = this.#options;
    if (proxies === undefined) return { clientAddress, scheme, isForwarded: false };
    return proxies.visitorOf({ address: clientAddress, scheme, rawHeaders });
  }

  #tlsExchangeOptions(): ExchangeOptions {
    this.#secureOptions ??= {
      ...this.#options.limits,
      fixedHeaders: this.#options.tls?.fixedHeaders,
    };
    return this.#secureOptions;
  }

  #reject(response: ServerResponse, record: RequestRecord, error: ErrorRecord): void {
    const { head, body } = failureHead(error);
    response.writeHead(head.status, [
      ...head.headers.flat(),
      ...['content-length', String(body.length), 'x-request-id', record.id, 'connection', 'close'],
    ]);
    response.end(body);
    this.#note(record, error, body.length);
  }

  /** The parser gave up: there is no response object, only the socket. */
  #refuseSocket(error: NodeJS.ErrnoException, socket: Socket): void {
    if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesRead === 0) {
      socket.destroy();
      return;
    }
    this.#answerSocket(socket, toErrorRecord(explainParserError(error, this.#options.limits)));
  }

  #answerSocket(socket: Socket, error: ErrorRecord): void {
    const clientAddress = plainAddress(socket.remoteAddress);
    const record = newRecord(this.#newId(), { clientAddress });
    const { head, body } = failureHead(error);
    const lines = head.headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    socket.on('error', () => socket.destroy());
    socket.end(
      `HTTP/1.1 ${head.status} ${error.code}\r\n${lines}content-length: ${body.length}\r\n` +
        `x-request-id: ${record.id}\r\nconnection: close\r\n\r\n` +
        Buffer.from(body).toString('latin1'),
      'latin1',
    );
    this.#note(record, error, body.length);
  }

  #note(record: RequestRecord, error: ErrorRecord, bytesSent: number): void {
    record.status = errorRow(error.code).status;
    record.outcome = 'failed';
    record.errorCode = error.code;
    record.errorDetail = error.detail;
    record.bytesSent = bytesSent;
    this.#options.onRejected(record);
  }

  #newId(): string {
    this.#nextId += 1;
    return `${this.#idPrefix}-${this.#nextId.toString(36)}`;
  }
}

/** http.Server's own `close` would cut connections that look idle at the same moment. */
function stopAccepting(server: Server | TlsServer): Promise<void> {
  return new Promise((resolve) => {
    NetServer.prototype.close.call(server, () => resolve());
  });
}

/**
 * A connection was let in for one name, and may be asked for that one alone (RFC 9110, section
 * 15.5.20): what is said about a name, such as who may be served, was asked about this one.
 */
function checkServerName(authority: string, socket: TLSSocket): void {
  const { servername } = socket as { servername?: string | false };
  if (servername === undefined || servername === false || authority === servername) return;
  // The handshake named an address, which counts as naming nobody.
  if (isIP(servername) !== 0) return;
  if (parseHostName(authority) === parseHostName(servername)) return;
  throw new TerrafirmaError(
    'misdirected',
    `Cannot serve the request: its host name must be that of the TLS handshake: received ` +
      `${quoteReceived(authority)} after ${quoteReceived(servername)}`,
  );
}
