/**
 * Sockets ↔ exchanges: the HTTP server of one serving thread with its limits on headers, idle and
 * slow connections, and its draining. Touches the network.
 */
import { Buffer } from 'node:buffer';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { Endpoint, Limits } from '../config/config.ts';
import { type ErrorRecord, TerrafirmaError, toErrorRecord } from '../errors.ts';
import type { Header } from '../http/message.ts';
import type { RawHead, ReadHead } from '../http/request-head.ts';
import type { RequestRecord } from '../journal/request-record.ts';
import { LimitClock } from '../limit-clock.ts';
import { type Arrival, Arrivals } from './arrivals.ts';
import type { BareConnection } from './bare/connection.ts';
import { BareConnections } from './bare/connections.ts';
import { BareWire } from './bare/wire.ts';
import { ClientConnections } from './client-connections.ts';
import type { Clocks } from './clocks.ts';
import { HttpExchange } from './exchange.ts';
import { ClientBytes } from './exchange-bytes.ts';
import type { ExchangeOptions } from './exchange-options.ts';
import { Http1Connections } from './http1/connections.ts';
import { IdleConnections } from './http1/idle-connections.ts';
import { Lingering } from './http1/lingering.ts';
import { Refusals } from './http1/refusals.ts';
import type { Http1Request } from './http1/request.ts';
import type { Http1Response } from './http1/response.ts';
import { type Http1Options, http1Options, takeListener } from './http1/server-options.ts';
import { UsualHeads } from './http1/usual-heads.ts';
import { Http1Wire, type Http1WireOptions } from './http1/wire.ts';
import { type Http2Declared, readHttp2Head } from './http2/head.ts';
import { Http2Offenders } from './http2/offenders.ts';
import { Http2Sessions } from './http2/sessions.ts';
import type { Http2Request } from './http2/turns.ts';
import { Http2Wire } from './http2/wire.ts';
import { IntakeTurns } from './intake-turns.ts';
import { plainAddress } from './plain-address.ts';
import { newRecord } from './rejected.ts';
import { ReplyBatch } from './reply-batch.ts';
import { ReplyRooms } from './reply-rooms.ts';
import type { TrustedProxies } from './road/client-address.ts';
import { failureHead } from './road/failure.ts';
import { KeptHellos } from './tls/kept-hellos.ts';
import { createTlsServer, type TlsServerOptions } from './tls/server.ts';
import { checkHandshake, comesTooEarly } from './websocket/handshake.ts';
import { UpgradeRequest } from './websocket/upgrade.ts';

export interface ListenerOptions {
  readonly clocks: Clocks;
  readonly limits: Limits;
  readonly batch?: ReplyBatch;
  readonly serve: (exchange: HttpExchange, record: RequestRecord) => Promise<void>;
  /** Requests that never became an exchange are logged too. */
  readonly onRejected: (record: RequestRecord) => void;
  /** A connection could not be accepted, as where no descriptor is left; others will be. */
  readonly onTrouble?: (error: Error) => void;
  /** Undefined: no proxy is trusted. */
  readonly proxies?: TrustedProxies | undefined;
  /** Undefined: plain HTTP alone. */
  readonly tls?: ListenerTls | undefined;
}

export interface ListenerTls
  extends Pick<
    TlsServerOptions,
    'contexts' | 'ticketKeys' | 'onHandshake' | 'onHello' | 'clientOf' | 'challengeOf' | 'onRefused'
  > {
  /** On every answer over HTTPS, e.g. Strict-Transport-Security. */
  readonly fixedHeaders: readonly Header[] | undefined;
  /** A connection of HTTP/2 was cut; for the log. */
  readonly onFlood: (clientAddress: string, reason: string) => void;
}

/** Listening on a socket that was inherited sets its queue anew: as long as the system allows. */
const inheritedBacklog = 4_096;
/** How long a connection without a request may bring one while the daemon stops. */
const drainGraceMs = 500;

export class Listener {
  readonly #options: ListenerOptions;
  readonly #servers: (Server | TlsServer)[] = [];
  readonly #tlsServers: TlsServer[] = [];
  readonly #http2: Http2Sessions;
  readonly #offenders: Http2Offenders;
  readonly #arrivals: Arrivals;
  readonly #bare: BareConnections;
  readonly #lingering: Lingering;
  readonly #connections: Http1Connections;
  readonly #http: Http1Options;
  readonly #refusals: Refusals;
  readonly #wireOptions: Http1WireOptions;
  readonly #exchangeOptions: ExchangeOptions;
  readonly #tlsSockets = new Set<Socket>();
  readonly #greeting = new Set<Socket>();
  readonly #hellos = new KeptHellos();
  readonly #clients: ClientConnections;
  #secureOptions: ExchangeOptions | undefined;
  #isDraining = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    const { clocks, limits, proxies } = options;
    this.#offenders = new Http2Offenders(clocks.nowMs);
    const isProxy = (address: string): boolean => proxies?.trusts(address) === true;
    this.#clients = new ClientConnections(limits.connectionsPerClientMax, isProxy);
    const clientBytes = new ClientBytes(limits.heldBytesPerClientMax);
    this.#exchangeOptions = { ...limits, clientBytes, intake: new IntakeTurns() };
    this.#arrivals = new Arrivals({ limits, proxies });
    this.#lingering = new Lingering(limits);
    const idle = new IdleConnections(limits.keepAliveTimeoutMs, limits.headerTimeoutMs);
    this.#connections = new Http1Connections(this.#lingering, idle);
    this.#http = http1Options(limits, this.#connections);
    this.#bare = new BareConnections({
      ...{ limits, clientBytes, idle, lingering: this.#lingering, nowMs: clocks.nowMs },
      begin: (connection, raw) => this.#acceptBare(connection, raw),
    });
    this.#refusals = new Refusals({
      limits,
      connections: this.#connections,
      newId: () => this.#arrivals.newId(),
      onRejected: options.onRejected,
      wallMs: clocks.wallMs,
    });
    this.#wireOptions = {
      taking: new LimitClock(limits.replyIdleTimeoutMs),
      nowMs: clocks.nowMs,
      ...{ batch: options.batch ?? new ReplyBatch(), rooms: new ReplyRooms() },
      heads: new UsualHeads({ ...limits, wallMs: clocks.wallMs }),
      ...{ lingering: this.#lingering, hellos: this.#hellos, unmarked: new Set() },
    };
    this.#http2 = new Http2Sessions({
      limits,
      onStream: (request) => this.#acceptStream(request),
      offenders: this.#offenders,
      isProxy,
      onFlood: (address, reason) => options.tls?.onFlood(address, reason),
      nowMs: clocks.nowMs,
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

  /** Connections that are open now, WebSockets among those of HTTP/1. */
  get connectionCounts(): { readonly http1: number; readonly http2: number } {
    const http2 = this.#http2.count;
    return { http1: this.#clients.open - http2, http2 };
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
      const { descriptor: fd, ...place } = endpoint;
      const where = fd === undefined ? { ...place, reusePort } : { fd, backlog: inheritedBacklog };
      server.listen(where, resolve);
    });
    server.on('error', (error: Error) => this.#options.onTrouble?.(error));
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
      this.#bare.closeIdle();
      this.#lingering.cut();
      for (const socket of this.#greeting) socket.destroy();
    }, drainGraceMs);
    this.#http2.drain(drainGraceMs);
    const cut = setTimeout(() => {
      for (const wire of this.#wireOptions.unmarked) wire.destroy();
      for (const server of this.#servers) server.closeAllConnections();
      this.#bare.destroy();
      this.#http2.destroy();
      for (const socket of this.#tlsSockets) socket.destroy();
    }, drainMs);
    await Promise.all(closed);
    clearInterval(closeIdle);
    clearTimeout(cut);
  }

  #createServer(): Server {
    const server = createServer(this.#http);
    const handOver = takeListener(server, 'connection');
    server.on('connection', (socket: Socket) => this.#bare.accept(socket, handOver));
    this.#prepare(server);
    return server;
  }

  #createTlsServer(): TlsServer {
    const { limits, tls } = this.#options;
    if (tls === undefined) throw new TypeError('Cannot listen for HTTPS: it has no certificates');
    const server = createTlsServer({
      ...tls,
      ...{ limits, http: this.#http },
      mayUseHttp2: (socket) => this.#offenders.mayUseHttp2(plainAddress(socket.remoteAddress)),
      onHttp1: (socket, handOver) => this.#bare.accept(socket, handOver),
      onHttp2: (socket) => this.#http2.accept(socket),
      onPlain: (socket, request) => this.#refusals.refusePlain(socket, request),
      greeting: this.#greeting,
      hellos: this.#hellos,
    });
    server.on('connection', (socket: Socket) => {
      this.#tlsSockets.add(socket);
      socket.once('close', () => this.#tlsSockets.delete(socket));
    });
    this.#prepare(server);
    return server;
  }

  #prepare(server: Server | TlsServer): void {
    server.maxConnections = this.#options.limits.connectionsPerThreadMax;
    server.on('connection', (socket: Socket) => this.#clients.enter(socket));
    server.maxHeadersCount = 0;
    const enter = (incoming: Http1Request, response: Http1Response): void =>
      this.#connections.enter(incoming.socket, response, () => this.#accept(incoming, response));
    server.on('request', enter);
    server.on('checkContinue', enter);
    server.on('checkExpectation', enter);
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) =>
      this.#refusals.refuse(error, socket as Socket),
    );
    server.on('upgrade', (incoming: Http1Request, socket: Duplex, firstBytes: Buffer) => {
      this.#connections.leave(socket as Socket);
      const upgrade = new UpgradeRequest({ incoming, socket: socket as Socket, firstBytes });
      upgrade.response.once('finish', () => this.#lingering.close(socket as Socket));
      this.#accept(incoming, upgrade.response, upgrade);
    });
    server.on('connect', (incoming: IncomingMessage) => this.#refusals.refuseConnect(incoming));
  }

  /** False where it cannot be served, or its connection is to end: that is left to node's side. */
  #acceptBare(connection: BareConnection, raw: RawHead): boolean {
    if (this.#isDraining) return false;
    const { isSecure, peer, socket } = connection;
    const id = this.#arrivals.newId();
    const visitor = this.#arrivals.visitorOf(socket, raw.rawHeaders, peer);
    const head = this.#tryRead(raw, { id, socket, visitor });
    if (head === undefined) return false;
    const { method, url } = raw;
    const record = newRecord(id, { method, url, clientAddress: visitor.clientAddress });
    const wire = new BareWire(connection, raw, this.#wireOptions);
    connection.enter(wire);
    const options = isSecure ? this.#tlsExchangeOptions() : this.#exchangeOptions;
    void this.#options.serve(new HttpExchange(head, wire, options), record);
    return true;
  }

  /** Undefined where it is to be refused. */
  #tryRead(raw: RawHead, arrival: Arrival): ReadHead | undefined {
    try {
      return this.#arrivals.read(raw, arrival);
    } catch (error) {
      if (!(error instanceof TerrafirmaError)) throw error;
      this.#arrivals.takeBackId();
      return undefined;
    }
  }

  #accept(incoming: Http1Request, response: Http1Response, upgrade?: UpgradeRequest): void {
    const id = this.#arrivals.newId();
    const { socket } = incoming;
    const raw: RawHead = {
      method: incoming.method ?? '',
      url: incoming.url ?? '',
      httpVersion: incoming.httpVersion,
      rawHeaders: incoming.rawHeaders,
    };
    const visitor = this.#arrivals.visitorOf(socket, raw.rawHeaders);
    const { method, url } = raw;
    const record = newRecord(id, { method, url, clientAddress: visitor.clientAddress });
    if (this.#isDraining) response.setHeader('connection', 'close');
    try {
      const head = this.#arrivals.read(raw, { id, socket, visitor });
      if (upgrade !== undefined) checkHandshake(incoming);
      else if (incoming.headers.upgrade !== undefined) this.#decline(incoming, response);
      const isSecure = socket instanceof TLSSocket;
      const usual = isSecure ? this.#tlsExchangeOptions() : this.#exchangeOptions;
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

  #acceptStream(request: Http2Request): void {
    const { rawHeaders, socket } = request;
    const id = this.#arrivals.newId();
    const visitor = this.#arrivals.visitorOf(socket, rawHeaders);
    const { clientAddress } = visitor;
    let record: RequestRecord | undefined;
    try {
      const { headerBytesMax } = this.#options.limits;
      const { raw, ...body } = readHttp2Head(rawHeaders, headerBytesMax);
      record = newRecord(id, { method: raw.method, url: raw.url, clientAddress });
      const head = this.#arrivals.read(raw, { id, socket, visitor });
      const wire = this.#wireOf(request, body);
      const exchange = new HttpExchange(head, wire, this.#tlsExchangeOptions());
      void this.#options.serve(exchange, record);
    } catch (failure) {
      record ??= newRecord(id, { clientAddress });
      this.#rejectStream(request, record, toErrorRecord(failure));
    }
  }

  #wireOf(request: Http2Request, declared: Http2Declared): Http2Wire {
    const hasBody = !request.stream.endAfterHeaders;
    const { hellos, nowMs, taking } = this.#wireOptions;
    return new Http2Wire({ request, hasBody, nowMs, taking, hellos, ...declared });
  }

  #rejectStream(request: Http2Request, record: RequestRecord, error: ErrorRecord): void {
    const { head, body } = failureHead(error);
    const wire = this.#wireOf(request, { declaredBytes: 0, expectsContinue: false });
    request.stream.once('close', () => wire.closed());
    wire.sendWhole(head.status, [...head.headers.flat(), 'x-request-id', record.id], body);
    if (!wire.isReceived) wire.leaveBody();
    this.#refusals.note(record, error, body.length);
  }

  #tlsExchangeOptions(): ExchangeOptions {
    this.#secureOptions ??= {
      ...this.#exchangeOptions,
      fixedHeaders: this.#options.tls?.fixedHeaders,
    };
    return this.#secureOptions;
  }

  /**
   * It asked for another protocol, and is answered by this one; or it asked for a WebSocket, but
   * was no request for one or came too early.
   */
  #decline(incoming: Http1Request, response: Http1Response): void {
    // Node loses what it read with it, up to the middle of some request behind it.
    response.shouldKeepAlive = false;
    if (!this.#connections.isDeclined(incoming)) return;
    checkHandshake(incoming);
    throw comesTooEarly();
  }

  #reject(response: Http1Response, record: RequestRecord, error: ErrorRecord): void {
    const { head, body } = failureHead(error);
    this.#lingering.expect(response.req.socket);
    response.writeHead(head.status, [
      ...head.headers.flat(),
      ...['content-length', String(body.length), 'x-request-id', record.id, 'connection', 'close'],
    ]);
    response.end(body);
    this.#refusals.note(record, error, body.length);
  }
}

/** http.Server's own `close` would cut connections that look idle at the same moment. */
function stopAccepting(server: Server | TlsServer): Promise<void> {
  return new Promise((resolve) => {
    NetServer.prototype.close.call(server, () => resolve());
  });
}
