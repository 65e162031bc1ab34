/** Edge: loopback. The server that the programs of test/guests/fastly ask. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { WebSocketServer } from 'ws';

/** Of `/item/N`: so many are waited for before the first is answered. */
const itemsTogether = 2;

export class FastlyOrigin implements AsyncDisposable {
  readonly largeBody = Buffer.alloc(3_000_000, 'large ');
  /** Most requests for items under way at one time. */
  togetherMax = 0;
  readonly #server: Server;
  readonly #sockets: WebSocketServer;
  #items: (() => void)[] = [];
  #count = 0;

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
    } else response.writeHead(200, uncached).end('ok');
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
