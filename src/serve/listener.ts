/**
 * Sockets ↔ exchanges: the HTTP server of one serving thread with its limits on headers, idle and
 * slow connections, and its draining. Touches the network.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Endpoint, Limits } from '../config/config.ts';
import { type ErrorRecord, errorRow, TerrafirmaError, toErrorRecord } from '../errors.ts';
import type { RequestRecord } from '../telemetry.ts';
import { HttpExchange } from './exchange.ts';
import { failureHead } from './failure.ts';
import { Http1Wire } from './http1-wire.ts';
import { readRequestHead } from './request-head.ts';

export interface ListenerOptions {
  readonly limits: Limits;
  readonly serve: (exchange: HttpExchange, record: RequestRecord) => Promise<void>;
  /** Requests that never became an exchange are logged too. */
  readonly onRejected: (record: RequestRecord) => void;
}

/** How often node looks for connections past their header time limit. */
const CHECK_INTERVAL_MS = 1_000;

export class Listener {
  readonly #options: ListenerOptions;
  readonly #servers: Server[] = [];
  /** Random start, then a count: unique without asking the system's generator every time. */
  readonly #idPrefix = randomBytes(6).toString('hex');
  #nextId = 0;
  #isDraining = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** Opens one endpoint. Rejects with the system's error, e.g. EADDRINUSE. */
  async listen(endpoint: Endpoint, reusePort: boolean): Promise<Endpoint> {
    const server = this.#createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: endpoint.host, port: endpoint.port, reusePort }, resolve);
    });
    this.#servers.push(server);
    const { address, port } = server.address() as AddressInfo;
    return { host: address, port };
  }

  /**
   * Stops accepting; idle connections close at once, busy ones after their answer. Resolves when
   * all are gone, or after `drainMs`, when the rest are cut.
   */
  async drain(drainMs: number): Promise<void> {
    this.#isDraining = true;
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    for (const server of this.#servers) server.closeIdleConnections();
    const cut = setTimeout(() => {
      for (const server of this.#servers) server.closeAllConnections();
    }, drainMs);
    await Promise.all(closed);
    clearTimeout(cut);
  }

  #createServer(): Server {
    const { limits } = this.#options;
    const server = createServer(
      {
        // Our own checks name what was wrong; node's answer would not carry the request id.
        requireHostHeader: false,
        maxHeaderSize: limits.headerBytesMax,
        headersTimeout: limits.headerTimeoutMs,
        // Bodies have an idle limit of their own: a long upload is not a slow client.
        requestTimeout: 0,
        keepAliveTimeout: limits.keepAliveTimeoutMs,
        connectionsCheckingInterval: CHECK_INTERVAL_MS,
        noDelay: true,
      },
      (incoming, response) => this.#accept(incoming, response),
    );
    server.maxConnections = limits.connectionsPerThreadMax;
    server.maxHeadersCount = 0;
    server.on('checkContinue', (incoming, response) => this.#accept(incoming, response));
    server.on('checkExpectation', (incoming, response) => this.#accept(incoming, response));
    server.on('clientError', (error, socket) => this.#refuseSocket(error, socket as Socket));
    server.on('connect', (_incoming, socket) => {
      this.#answerSocket(socket as Socket, {
        code: 'bad-request',
        detail: 'Cannot serve the request: CONNECT is not offered here',
      });
    });
    return server;
  }

  #accept(incoming: IncomingMessage, response: ServerResponse): void {
    const { limits } = this.#options;
    const id = this.#newId();
    const record = newRecord(id, incoming);
    if (this.#isDraining) response.setHeader('connection', 'close');
    try {
      const head = readRequestHead(
        {
          method: incoming.method ?? '',
          url: incoming.url ?? '',
          httpVersion: incoming.httpVersion,
          rawHeaders: incoming.rawHeaders,
        },
        {
          id,
          scheme: 'http',
          clientAddress: plainAddress(incoming.socket.remoteAddress),
          clientPort: incoming.socket.remotePort ?? 0,
        },
        limits,
      );
      const exchange = new HttpExchange(head, new Http1Wire(incoming, response), limits);
      void this.#options.serve(exchange, record);
    } catch (failure) {
      this.#reject(response, record, toErrorRecord(failure));
    }
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
    const record = newRecord(this.#newId(), { socket });
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

function newRecord(
  id: string,
  from: { readonly method?: string | undefined; readonly url?: string | undefined } & {
    readonly socket: Socket;
  },
): RequestRecord {
  return {
    id,
    method: from.method ?? '',
    hostName: '',
    path: withoutQuery(from.url ?? ''),
    clientAddress: plainAddress(from.socket.remoteAddress),
    status: 0,
    bytesReceived: 0,
    bytesSent: 0,
    outcome: 'failed',
    folderKey: undefined,
    modulePath: undefined,
    digest: undefined,
    abi: undefined,
    cpuUs: undefined,
    wallUs: 0,
    memoryBytes: undefined,
    errorCode: undefined,
    errorDetail: undefined,
  };
}

/** Queries carry tokens and passwords; the access log keeps only the path. */
function withoutQuery(url: string): string {
  const mark = url.indexOf('?');
  return mark === -1 ? url : url.slice(0, mark);
}

/** IPv4 clients of a dual-stack socket arrive as `::ffff:a.b.c.d`. */
function plainAddress(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}

function explainParserError(error: NodeJS.ErrnoException, limits: Limits): TerrafirmaError {
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    return new TerrafirmaError(
      'headers-too-large',
      `Cannot accept the request: its headers may have ${limits.headerBytesMax} bytes`,
    );
  }
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new TerrafirmaError(
      'request-timeout',
      `Cannot read the request: its headers must arrive within ${limits.headerTimeoutMs} ms`,
    );
  }
  const rule = (error as { reason?: string }).reason ?? error.message;
  return new TerrafirmaError(
    'bad-request',
    `Cannot read the request: it must be valid HTTP/1.1: ${rule}`,
  );
}
