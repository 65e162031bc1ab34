/**
 * How a connection ends whose client may still be sending. Closed at once, the system would answer
 * what still comes with a reset, and a reset wipes out what the client has not read of our answer:
 * most who send a large body would see a broken pipe in place of the 413. So only our side ends,
 * and what still comes is thrown away, within limits, until the client ends too (RFC 9112, section
 * 9.6). Touches the connections.
 */
import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import type { Limits } from '../../config/config.ts';

export type LingerLimits = Pick<Limits, 'lingerMs' | 'lingerBytesMax'>;

export class Lingering {
  readonly limits: LingerLimits;
  readonly #discarding = new WeakSet<Socket>();
  readonly #ending = new Set<Socket>();

  constructor(limits: LingerLimits) {
    this.limits = limits;
  }

  /** Node will end this connection after the answer under way: it ends as `close` does. */
  expect(socket: Socket): void {
    socket.destroySoon = () => this.close(socket);
  }

  /** Nothing that comes is read as a request any more; it is counted and thrown away. */
  discard(socket: Socket): void {
    if (this.#discarding.has(socket)) return;
    this.#discarding.add(socket);
    // Not now: node's parser may be in the middle of what it has read.
    process.nextTick(() => this.#takeReading(socket));
  }

  /** Ends our side after `lastBytes`, latin1; the connection is gone when the client ends too. */
  close(socket: Socket, lastBytes = ''): void {
    if (socket.destroyed || this.#ending.has(socket)) return;
    this.#ending.add(socket);
    const timer = setTimeout(() => socket.destroy(), this.limits.lingerMs);
    socket.once('close', () => {
      clearTimeout(timer);
      this.#ending.delete(socket);
    });
    socket.on('error', () => socket.destroy());
    this.discard(socket);
    socket.end(lastBytes, 'latin1');
  }

  /** Waits for nobody any more. */
  cut(): void {
    for (const socket of this.#ending) if (socket.writableFinished) socket.destroy();
  }

  #takeReading(socket: Socket): void {
    if (socket.destroyed) return;
    let bytes = 0;
    socket.removeAllListeners('data');
    // Node's parser lets go of the connection when somebody else listens.
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > this.limits.lingerBytesMax) socket.destroy();
    });
    // While the parser had it, the stream took itself to be reading; this says that it is not.
    socket.push('');
    socket.resume();
  }
}
