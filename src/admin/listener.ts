/**
 * One admin listener: a Unix socket, a loopback address, or a place where numbers alone are told.
 * Touches the network, by node:http in the control plane; so everything about a request is bounded.
 */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Counts } from '../account/counts.ts';
import { mayHold } from '../account/threshold.ts';
import type { Limits } from '../config/config.ts';
import { describeError, errorRow, TerrafirmaError, toErrorRecord } from '../errors.ts';
import { plainText } from '../http/media-types.ts';
import type { Journal } from '../journal/journal.ts';
import type { Door } from './door.ts';
import { EventStream } from './event-stream.ts';
import type { Actor, AdminReply, Route } from './request.ts';
import { Routes } from './routes.ts';

export interface AdminListenerOptions {
  readonly routes: readonly Route[];
  /** Undefined: everybody may come in, and only routes that are public are there. */
  readonly door: (authorities: readonly string[] | undefined) => Door | undefined;
  readonly limits: Pick<Limits, 'adminConnectionsMax' | 'adminStreamsMax' | 'adminBodyBytesMax'>;
  readonly journal: Journal;
  /** Who has signed in in a browser, which may not have all the streams there are. */
  readonly sessionOf?: (headers: IncomingHttpHeaders) => string | undefined;
  /**
   * In whose share requests and streams are; left out: there is one operator, who may have all. An
   * owner may sign in in as many browsers as he likes.
   */
  readonly holderOf?: (headers: IncomingHttpHeaders) => string;
  /** Whose request it is; left out: that of the connection's other end. */
  readonly addressOf?: (headers: IncomingHttpHeaders) => string;
}

interface OpenStream {
  readonly session: string | undefined;
  readonly holder: string | undefined;
}

const streamsPerSessionMax = 4;
const headBytesMax = 16 * 1024;
const headMsMax = 10_000;
const requestMsMax = 10_000;
const idleMsMax = 5_000;

export class AdminListener {
  readonly #options: AdminListenerOptions;
  readonly #server: Server;
  readonly #routes: Routes;
  readonly #sockets = new Set<Socket>();
  readonly #openStreams = new Map<EventStream, OpenStream>();
  #door: Door | undefined;
  /** By whose they are. */
  readonly #underWay = new Counts<string>();

  constructor(options: AdminListenerOptions) {
    this.#options = options;
    this.#routes = new Routes(options.routes);
    this.#server = createServer(
      {
        maxHeaderSize: headBytesMax,
        headersTimeout: headMsMax,
        requestTimeout: requestMsMax,
        keepAliveTimeout: idleMsMax,
        connectionsCheckingInterval: 1_000,
        requireHostHeader: false,
      },
      (incoming, response) => void this.#serve(incoming, response),
    );
    const { adminConnectionsMax, adminStreamsMax } = options.limits;
    this.#server.maxConnections = adminConnectionsMax + adminStreamsMax;
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** Rejects with the error of the system. */
  async listenAtSocket(path: string): Promise<void> {
    this.#door = this.#options.door(undefined);
    await this.#listen(() => {
      // The file is made in this very call, with these rights from the first moment on.
      const before = process.umask(0o177);
      this.#server.listen({ path });
      process.umask(before);
    });
  }

  /** Resolves to the real port. Rejects with the error of the system. */
  async listenAtPort(host: string, port: number): Promise<number> {
    await this.#listen(() => this.#server.listen({ host, port, exclusive: true }));
    const { port: settled } = this.#server.address() as AddressInfo;
    const name = host.includes(':') ? `[${host}]` : host;
    this.#door = this.#options.door([`${name}:${settled}`, `localhost:${settled}`]);
    return settled;
  }

  /** Streams end, requests under way are answered for a moment, and nobody comes in. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    const cut = setTimeout(() => this.#cut(), idleMsMax / 5);
    this.#server.closeIdleConnections();
    for (const stream of this.#openStreams.keys()) stream.end();
    await closed;
    clearTimeout(cut);
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #listen(begin: () => void): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.once('listening', resolve);
    begin();
    await promise;
    this.#server.off('error', reject);
    this.#server.on('error', (error) => {
      this.#options.journal.tell('admin-trouble', { reason: error.message });
    });
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => response.destroy());
    const holder = this.#options.holderOf?.(incoming.headers);
    this.#underWay.add(holder ?? '', 1);
    try {
      this.#requireShare(this.#options.limits.adminConnectionsMax, this.#underWay, holder);
      const reply = await this.#answer(incoming);
      if (reply.kind === 'events') this.#stream(reply.run, incoming, response);
      else send(response, incoming.method === 'HEAD', reply);
    } catch (error) {
      this.#fail(response, error);
    } finally {
      this.#underWay.add(holder ?? '', -1);
    }
  }

  /** With what was just added to the counts. @throws TerrafirmaError `admin-busy` */
  #requireShare(max: number, counts: Counts<string>, holder: string | undefined): void {
    const held = counts.total - 1;
    const own = holder === undefined ? 0 : counts.of(holder) - 1;
    if (!mayHold({ max, held, own, added: 1 })) throw new TerrafirmaError('admin-busy');
  }

  async #answer(incoming: IncomingMessage): Promise<AdminReply> {
    const { headers, method = '', url = '', socket } = incoming;
    const target = new URL(`http://admin${url.startsWith('/') ? url : '/'}`);
    const { route, params } = this.#findRoute(method, target.pathname);
    const isOpen = route.isOpen === true;
    const address = this.#options.addressOf?.(headers) ?? socket.remoteAddress ?? '';
    const actor: Actor =
      this.#door?.admit({
        method: route.method,
        headers,
        address,
        needsToken: !isOpen,
        takesBytes: route.takesBytes === true,
      }) ?? 'anybody';
    const body = route.method === 'GET' ? nothing : await this.#readBody(incoming);
    const { searchParams: query } = target;
    return await route.answer({ method, params, query, headers, actor, address, body });
  }

  #findRoute(method: string, path: string): ReturnType<Routes['find']> {
    const isForAll = this.#door === undefined;
    const match = this.#routes.find(method, path);
    if (!isForAll || match.route.isPublic === true) return match;
    throw new TerrafirmaError('admin-verb');
  }

  async #readBody(incoming: IncomingMessage): Promise<Uint8Array> {
    const { adminBodyBytesMax: bytesMax } = this.#options.limits;
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of wholeOrRefused(incoming)) {
      bytes += chunk.length;
      if (bytes > bytesMax) {
        throw new TerrafirmaError(
          'request-too-large',
          `Cannot accept the request: its body must have at most ${bytesMax} bytes`,
        );
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  #stream(
    run: (stream: EventStream) => void,
    { headers }: IncomingMessage,
    response: ServerResponse,
  ): void {
    const session = this.#options.sessionOf?.(headers);
    const holder = this.#options.holderOf?.(headers);
    this.#requireStream({ session, holder });
    const isWelcome = (): boolean => this.#options.sessionOf?.(headers) === session;
    const stream = new EventStream(response, { isWelcome });
    this.#openStreams.set(stream, { session, holder });
    stream.onClose(() => this.#openStreams.delete(stream));
    run(stream);
  }

  /** @throws TerrafirmaError `admin-busy` */
  #requireStream({ session, holder }: OpenStream): void {
    const open = [...this.#openStreams.values()];
    const ofSession = open.filter((other) => other.session === session).length;
    const isGreedy = session !== undefined && ofSession >= streamsPerSessionMax;
    const own = holder === undefined ? 0 : open.filter((other) => other.holder === holder).length;
    const { adminStreamsMax: max } = this.#options.limits;
    if (isGreedy || !mayHold({ max, held: open.length, own, added: 1 })) {
      throw new TerrafirmaError('admin-busy');
    }
  }

  #fail(response: ServerResponse, error: unknown): void {
    const { code, detail } = toErrorRecord(error);
    const row = errorRow(code);
    if (code === 'internal') {
      this.#options.journal.tell('admin-trouble', { reason: describeError(error) });
    }
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const problem = {
      schemaVersion: 1,
      type: 'about:blank',
      title: row.sentence,
      status: row.status,
      code,
      detail: code === 'internal' ? row.sentence : detail,
    };
    for (const [name, value] of row.headers ?? []) response.setHeader(name, value);
    if (row.retryAfterS !== undefined) response.setHeader('retry-after', row.retryAfterS);
    // What is left of its body would be taken for the next request.
    response.setHeader('connection', 'close');
    respond(response, {
      status: row.status,
      mediaType: 'application/problem+json',
      body: `${JSON.stringify(problem)}\n`,
    });
  }
}

const nothing = new Uint8Array(0);

/** @throws TerrafirmaError `bad-request` where it breaks off: that is its sender's doing. */
async function* wholeOrRefused(incoming: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    yield* incoming as AsyncIterable<Uint8Array>;
  } catch (cause) {
    const detail = 'Cannot read the request: it must come whole: its body broke off';
    throw new TerrafirmaError('bad-request', detail, { cause });
  }
}

function send(
  response: ServerResponse,
  isHead: boolean,
  reply: Exclude<AdminReply, { kind: 'events' }>,
): void {
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
  const { status = 200 } = reply;
  const body = reply.kind === 'json' ? `${JSON.stringify(reply.value)}\n` : reply.bytes;
  const mediaType = reply.kind === 'json' ? 'application/json' : reply.mediaType;
  respond(response, { status, mediaType, body, isHead });
}

function respond(
  response: ServerResponse,
  reply: {
    readonly status: number;
    readonly mediaType: string;
    readonly body: Uint8Array | string;
    readonly isHead?: boolean;
  },
): void {
  const { status, mediaType, body, isHead = false } = reply;
  if (!response.hasHeader('cache-control')) response.setHeader('cache-control', 'no-store');
  response.setHeader('x-content-type-options', 'nosniff');
  response.setHeader('content-type', mediaType === 'text/plain' ? plainText : mediaType);
  response.setHeader('content-length', Buffer.byteLength(body));
  response.writeHead(status);
  response.end(isHead ? undefined : body);
}
