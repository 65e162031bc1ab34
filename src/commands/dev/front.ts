/**
 * What a browser speaks to under `terrafirma dev`: passes everything on to the daemon, and adds to
 * pages what a person who writes them wants to see. The daemon itself knows nothing of it. Touches
 * the network, by node:http.
 */
import { randomBytes } from 'node:crypto';
import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, isIP, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { browserScript } from './browser-script.ts';
import type { DevLog } from './dev-log.ts';
import type { Hub } from './hub.ts';
import { changeReply } from './page-change.ts';

export interface FrontOptions {
  readonly hub: Hub;
  readonly log: Pick<DevLog, 'linesOf'>;
  /** Of the daemon, once it listens. */
  readonly daemonPort: () => Promise<number>;
  /** Opens the dashboard of the daemon; the link is good for one browser. */
  readonly openDashboard: () => Promise<string>;
  /** PEM; undefined: plain HTTP. */
  readonly tls: { readonly key: string; readonly cert: string } | undefined;
}

/** What belongs to `dev`, and never to the site: its names begin with a dot. */
const ownStart = '/.terrafirma/';
const perHop = new Set(['connection', 'keep-alive', 'proxy-connection', 'expect']);

export class Front {
  readonly #options: FrontOptions;
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #nonce = randomBytes(12).toString('base64url');
  readonly #sockets = new Set<Socket>();

  constructor(options: FrontOptions) {
    this.#options = options;
    const answer = (incoming: IncomingMessage, response: ServerResponse): void =>
      void this.#serve(incoming, response);
    const { tls } = options;
    this.#server = tls === undefined ? createServer(answer) : createSecureServer(tls, answer);
    this.#server.on('upgrade', (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
      void this.#upgrade(incoming, socket, head);
    });
    for (const event of ['connection', 'secureConnection'] as const) {
      this.#server.on(event, (socket: Socket) => {
        this.#sockets.add(socket);
        socket.once('close', () => this.#sockets.delete(socket));
      });
    }
  }

  /** Resolves to the port. Rejects with the error of the system. */
  async listen(host: string, port: number): Promise<number> {
    const { promise, reject, resolve } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen({ host, port }, resolve);
    await promise;
    this.#server.off('error', reject);
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#options.hub.close();
    this.#server.close();
    this.#agent.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { url = '/' } = incoming;
      if (url.startsWith(ownStart)) await this.#answerOwn(url, incoming, response);
      else await this.#pass(incoming, response);
    } catch (error) {
      fail(response, error);
    }
  }

  /** Only for pages of this machine: another site's, by a name of its own, must not read a log. */
  async #answerOwn(
    url: string,
    incoming: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    if (!isOwnName(incoming.headers.host)) return send(response, 421, 'text/plain', 'Not here\n');
    const { hub, log } = this.#options;
    const { pathname } = new URL(url, 'http://dev');
    const [, , what = '', id = ''] = pathname.split('/');
    if (what === 'dev.js') return send(response, 200, 'text/javascript', browserScript);
    if (what === 'events') {
      if (!hub.open(response)) send(response, 503, 'text/plain', 'Too many pages are open\n');
      return;
    }
    if (what === 'requests' && id !== '') {
      const lines = await log.linesOf(decodeURIComponent(id));
      return send(response, 200, 'application/json', JSON.stringify({ lines }));
    }
    // It operates the daemon: other machines may look at the site alone.
    if (what !== '' || !isLoopback(incoming.socket.remoteAddress)) {
      return send(response, 404, 'text/plain', 'Nothing here\n');
    }
    const location = await this.#options.openDashboard();
    response.writeHead(302, { location, 'cache-control': 'no-store' }).end();
  }

  async #pass(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url: path = '/' } = incoming;
    const port = await this.#options.daemonPort();
    const outgoing = request({
      ...{ host: '127.0.0.1', port, method, path, agent: this.#agent },
      headers: this.#headersFor(incoming),
    });
    // Who goes away is no failure of the daemon, and needs no answer.
    response.once('close', () => outgoing.destroy());
    const { promise, reject, resolve } = Promise.withResolvers<IncomingMessage>();
    outgoing.once('response', resolve).once('error', reject);
    outgoing.on('information', ({ rawHeaders, statusCode }) => {
      if (statusCode === 103) response.writeEarlyHints(earlyHints(rawHeaders));
    });
    // A daemon that answers early reads no more; its answer counts.
    pipeline(incoming, outgoing).catch(() => undefined);
    const reply = await promise;
    const { rawHeaders, statusCode: status = 502, statusMessage = '' } = reply;
    const nonce = this.#nonce;
    const { end, headers } = changeReply({ method, nonce, rawHeaders, status });
    response.writeHead(status, statusMessage, [...headers]);
    // Events of a function go out as they come.
    response.flushHeaders();
    try {
      await pipeline(reply, response, { end: end === undefined });
      if (end !== undefined) response.end(end);
    } catch {
      // One of both has gone: the other is told by its connection.
      response.destroy();
    }
  }

  /** Pages come whole and uncompressed: what is added to them belongs to no kept version. */
  #headersFor({ headers, rawHeaders, socket }: IncomingMessage): readonly string[] {
    const isPage = /text\/html/i.test(headers.accept ?? '');
    const left = isPage
      ? new Set([...perHop, 'accept-encoding', 'if-none-match', 'if-modified-since'])
      : perHop;
    const kept: string[] = [];
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = rawHeaders[at] ?? '';
      if (!left.has(name.toLowerCase())) kept.push(name, rawHeaders[at + 1] ?? '');
    }
    const scheme = this.#options.tls === undefined ? 'http' : 'https';
    const client = socket.remoteAddress ?? '127.0.0.1';
    return [...kept, 'x-forwarded-for', client, 'x-forwarded-proto', scheme];
  }

  /** A WebSocket: from its handshake on, bytes are passed both ways. */
  async #upgrade(incoming: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    try {
      const port = await this.#options.daemonPort();
      const upstream = connect({ host: '127.0.0.1', port });
      upstream.on('error', () => socket.destroy());
      socket.once('close', () => upstream.destroy());
      const { method = 'GET', rawHeaders, url = '/' } = incoming;
      const lines = [`${method} ${url} HTTP/1.1`];
      for (let at = 0; at < rawHeaders.length; at += 2) {
        lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
      }
      lines.push(`x-forwarded-for: ${socket.remoteAddress ?? '127.0.0.1'}`, '', '');
      upstream.write(Buffer.from(lines.join('\r\n'), 'latin1'));
      upstream.write(head);
      socket.pipe(upstream).pipe(socket);
    } catch {
      // The daemon is not there; browsers try again.
      socket.destroy();
    }
  }
}

function earlyHints(raw: unknown): Record<string, string | string[]> {
  const headers = raw as readonly string[];
  const links = headers.filter((_, at) => at % 2 === 1 && /^link$/i.test(headers[at - 1] ?? ''));
  return { link: links };
}

/** Whether a request asks for this machine by a name that no other site can have. */
function isOwnName(host: string | undefined): boolean {
  if (host === undefined) return false;
  const name = host
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  return name === 'localhost' || name.endsWith('.localhost') || isIP(name) !== 0;
}

function isLoopback(address = ''): boolean {
  return /^(::ffff:)?127\.|^::1$/.test(address);
}

function send(response: ServerResponse, status: number, mediaType: string, body: string): void {
  response.writeHead(status, {
    'content-type': `${mediaType}; charset=utf-8`,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const reason = error instanceof Error ? error.message : String(error);
  send(
    response,
    502,
    'text/plain',
    `Cannot answer: the daemon must be there: received ${reason}\n`,
  );
}
