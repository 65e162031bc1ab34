/** Edge: loopback. The server that the programs of test/guests/fastly ask. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { WebSocketServer } from 'ws';

/** Of `/item/N`: so many are waited for before the first is answered. */
const itemsTogether = 8;

export class FastlyOrigin implements AsyncDisposable {
  readonly largeBody = Buffer.alloc(3_000_000, 'large ');
  /** Most requests for items under way at one time. */
  togetherMax = 0;
  readonly #server: Server;
  readonly #sockets: WebSocketServer;
  #items: (() => void)[] = [];
  #count = 0;
  /** Of `/kept`: how often it was answered, and whether it fails by now. */
  keptCount = 0;
  isKeptBroken = false;
  /** Of `/kept`: so many have to ask for `/arrive` before it is answered. */
  arrivalsAwaited = 0;
  #kept: (() => void)[] = [];

  private constructor() {
    this.#server = createServer(({ url = '' }, response) => this.#answer(url, response));
    this.#sockets = new WebSocketServer({ server: this.#server });
    this.#sockets.on('connection', (socket) => {
      socket.on('message', (data) => socket.send(String(data).toUpperCase()));
    });
  }

  static async start(): Promise<FastlyOrigin> {
    const origin = new FastlyOrigin();
    await new Promise<void>((resolve) => origin.#server.listen(0, '127.0.0.1', resolve));
    return origin;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(url: string, response: ServerResponse): void {
    const uncached = { 'cache-control': 'no-store' };
    if (url.startsWith('/item/')) this.#answerItem(url, response);
    else if (url === '/large') response.writeHead(200, uncached).end(this.largeBody);
    else if (url === '/gzip') {
      response.writeHead(200, { ...uncached, 'content-encoding': 'gzip' });
      response.end(gzipSync('was packed'));
    } else if (url === '/count') {
      this.#count += 1;
      response.writeHead(200, uncached).end(`count ${this.#count}`);
    } else if (url === '/kept') {
      this.#kept.push(() => this.#answerKept(response));
      this.#answerAwaited();
    } else {
      if (url === '/arrive') this.arrivalsAwaited -= 1;
      response.writeHead(200, uncached).end('ok');
      this.#answerAwaited();
    }
  }

  #answerAwaited(): void {
    if (this.arrivalsAwaited > 0) return;
    for (const answer of this.#kept.splice(0)) answer();
  }

  #answerKept(response: ServerResponse): void {
    if (this.isKeptBroken) return void response.writeHead(503).end('broken');
    this.keptCount += 1;
    const cacheControl = 'max-age=600, stale-if-error=600';
    response.writeHead(200, { 'cache-control': cacheControl, 'surrogate-key': 'kept' });
    response.end(`kept ${this.keptCount}`);
  }

  #answerItem(url: string, response: ServerResponse): void {
    const number = url.slice('/item/'.length);
    this.#items.push(() =>
      response.writeHead(200, { 'cache-control': 'no-store' }).end(`item ${number}`),
    );
    this.togetherMax = Math.max(this.togetherMax, this.#items.length);
    if (this.#items.length < itemsTogether) return;
    for (const answer of this.#items.splice(0)) answer();
  }
}
