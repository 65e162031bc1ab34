/**
 * Which ports a daemon that starts is about to listen on. Seconds may pass between the look whether
 * a port is free and the threads that listen; a second daemon that looked meanwhile found the port
 * free too, and both shared it silently. A claim is an abstract Unix socket: like ports, these
 * belong to the network namespace, and the kernel takes them back from who dies. Touches the
 * network. Systems without them do not share ports between threads either.
 */
import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Who claims a port for longer does not start a daemon: the exclusive bind alone decides then. */
const waitMsMax = 30_000;
const tryAgainAfterMs = 50;

export class PortClaims implements Disposable {
  readonly #held = new Map<number, Server>();

  /** Resolves when nobody else is about to listen on `port`, on whatever address. */
  async claim(port: number): Promise<void> {
    if (process.platform !== 'linux' || port === 0 || this.#held.has(port)) return;
    const endMs = performance.now() + waitMsMax;
    while (!(await this.#take(port)) && performance.now() < endMs) await sleep(tryAgainAfterMs);
  }

  /** To be called when the threads listen: from then on everybody sees that the ports are taken. */
  [Symbol.dispose](): void {
    for (const server of this.#held.values()) server.close();
    this.#held.clear();
  }

  async #take(port: number): Promise<boolean> {
    // Nobody has anything to say to it.
    const server = createServer((socket) => socket.destroy()).unref();
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(`\0terrafirma/port/${port}`, resolve);
      });
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return false;
      // Such sockets are not to be had here: a daemon need not do without its port for that.
      return true;
    }
    this.#held.set(port, server);
    return true;
  }
}
